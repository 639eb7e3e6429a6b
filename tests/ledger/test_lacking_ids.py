"""External IDs that DVS lists: which of them a ledger lacks, because it is older than what it paid."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def back_to_pending(ledger: LedgerStore, run: Run, *, may_arrive: bool) -> str:
    """Claim a row and release it, after a request that may still arrive or without one; return its external ID."""
    (attempt,) = ledger.attempts.claim(run, 1)
    if may_arrive:
        ledger.absences.start(attempt, sent_at=NOW, due_at=NOW, after=RowState.PENDING, message="refused")
    move = Move(
        row_id=attempt.row_id,
        attempt=attempt.number,
        before=RowState.IN_FLIGHT,
        after=RowState.PENDING,
        cause="not taken",
    )
    ledger.attempts.record([move])
    return attempt.external_id


def test_an_attempt_that_was_not_taken_is_lacking_if_dvs_has_it(
    ledger: LedgerStore, start: Callable[..., Run], row: Callable[..., Any]
) -> None:
    run = start(ledger, [row(1)])
    id_ = back_to_pending(ledger, run, may_arrive=False)
    assert ledger.lacking_ids.unknown([id_]) == {id_}
    assert ledger.lacking_ids.of_run(run, [id_]) == {id_}
    assert ledger.lacking_ids.next(run, 10) == [id_]


def test_an_attempt_that_may_arrive_late_is_not_lacking(
    ledger: LedgerStore, start: Callable[..., Run], row: Callable[..., Any]
) -> None:
    run = start(ledger, [row(1)])
    id_ = back_to_pending(ledger, run, may_arrive=True)
    assert ledger.lacking_ids.unknown([id_]) == set()
    assert ledger.lacking_ids.next(run, 10) == []


def test_rows_never_sent_lack_their_first_three_attempts_and_no_more(
    ledger: LedgerStore, start: Callable[..., Run], row: Callable[..., Any]
) -> None:
    run = start(ledger, [row(1), row(2)])
    first = ledger.lacking_ids.next(run, 1)[0]
    listed = [f"{first[:-1]}{number}" for number in (1, 2, 3, 4)] + ["list-other-1", "no number"]
    assert ledger.lacking_ids.of_run(run, listed) == set(listed[:3])
