"""Manual resolutions of conflicts, and the external ID of the next attempt."""

from collections.abc import Callable

import pytest

from bulk_topup.domain.attempt import Attempt, Move, Resolution
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]


@pytest.mark.parametrize(
    ("resolution", "had_transaction", "number"),
    [
        (Resolution.FREE, True, 1),
        (Resolution.TAKEN, False, 2),
        (Resolution.TAKEN, True, 2),
        (None, True, 2),
        (None, False, 1),
    ],
)
def test_a_retry_uses_an_external_id_that_is_free(
    ledger: LedgerStore,
    row: MakeRow,
    start: Start,
    move: MakeMove,
    resolution: Resolution | None,
    had_transaction: bool,
    number: int,
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 1)
    if had_transaction:
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED)])
        ledger.attempts.record([move(attempt, RowState.ACCEPTED, RowState.CONFLICT)])
    else:
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.CONFLICT)])
    assert ledger.conflicts.external_ids(run) == [attempt.external_id]
    assert ledger.attempts.claim(run, 1) == []
    if resolution is not None:
        ledger.conflicts.save_resolution(attempt.row_id, attempt.number, resolution)
    ledger.attempts.record([move(attempt, RowState.CONFLICT, RowState.FAILED)])
    assert ledger.attempts.claim(run, 1) == []
    assert ledger.retries.choose(run, RetryChoice(lines=[3]))[0] == 1
    ledger.retries.apply("retry asked for")
    [again] = ledger.attempts.claim(run, 1)
    assert again.number == number
    known = ledger.comparison.find_attempts([again.external_id])[again.external_id]
    assert (known.transaction_id, known.resolution) == (None, None)


@pytest.mark.parametrize(
    ("resolution", "kept"),
    [(Resolution.FREE, None), (Resolution.TAKEN, None), (Resolution.ACCEPTED, Resolution.ACCEPTED)],
)
def test_a_transaction_that_belongs_to_the_row_clears_the_resolution(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, resolution: Resolution, kept: Resolution | None
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 1)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.CONFLICT)])
    ledger.conflicts.save_resolution(attempt.row_id, attempt.number, resolution)
    ledger.attempts.record([move(attempt, RowState.CONFLICT, RowState.COMPLETED)])
    assert ledger.comparison.find_attempts([attempt.external_id])[attempt.external_id].resolution is kept


def _paid(ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove) -> tuple[Run, Attempt]:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 1)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
    return run, attempt


def test_an_acknowledged_mismatch_is_shown_again_only_if_the_list_changes(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run, attempt = _paid(ledger, row, start, move)
    start(ledger, [row(1, "11")])
    assert [line for line, _, _ in ledger.conflicts.list_mismatches(run)] == [3]
    assert ledger.conflicts.acknowledge(run, [3], "read by ada") == [3]
    assert ledger.rows.events(attempt.row_id)[-1].cause == "read by ada"
    start(ledger, [row(1, "11")])
    assert list(ledger.conflicts.list_mismatches(run)) == []
    start(ledger, [row(1, "12")])
    assert [line for line, _, _ in ledger.conflicts.list_mismatches(run)] == [3]
