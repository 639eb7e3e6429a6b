"""Equal rows of which one has another transaction under its external ID: the others are not sent."""

from collections.abc import Callable

import pytest

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.identity import occurrence_identity, party_identity
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow
from tests.helpers.staged_lists import outcomes, preview

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]


@pytest.fixture
def rows(row: MakeRow) -> list[CheckedRow]:
    """A list that pays one number three times, and another one once."""
    equals = [
        row(
            1,
            f"{number}0",
            line=number + 1,
            identity=occurrence_identity(party_identity(6418, ("+6595123001", None, None)), number),
        )
        for number in (1, 2, 3)
    ]
    return [*equals, row(10, line=9, identity=party_identity(6418, ("+6595123010", None, None)))]


def test_no_equal_of_a_row_in_conflict_is_sent_until_the_conflict_is_resolved(
    ledger: LedgerStore, rows: list[CheckedRow], start: Start, move: MakeMove
) -> None:
    run = start(ledger, rows)
    [attempt] = ledger.attempts.claim(run, 1)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.CONFLICT)])
    assert [each.row_id for each in ledger.attempts.claim(run, 9)] == [4]
    assert ledger.attempts.claim(run, 9) == []
    states = [each.state.value for each in outcomes(ledger, run)]
    assert states == ["conflict", "refused", "refused", "in_flight"]
    assert ledger.rows.events(2)[-1].cause == "possible duplicate"
    [problem] = outcomes(ledger, run)[1].problems
    assert problem.message.startswith("Line 2 pays the same credit party, and DVS has another transaction")
    assert problem.may_be_paid
    difference = preview(ledger, run, rows)
    assert (difference.possible_duplicates, difference.waiting, difference.needs_review) == (2, 0, 1)
    start(ledger, rows)
    assert ledger.attempts.claim(run, 9) == []
    ledger.attempts.record([move(attempt, RowState.CONFLICT, RowState.FAILED)])
    start(ledger, rows)
    assert [each.row_id for each in ledger.attempts.claim(run, 1)] == [2]


def test_a_conflict_about_the_rows_own_transaction_stops_no_equal(
    ledger: LedgerStore, rows: list[CheckedRow], start: Start, move: MakeMove
) -> None:
    run = start(ledger, rows)
    [attempt] = ledger.attempts.claim(run, 1)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED)])
    ledger.attempts.record([move(attempt, RowState.ACCEPTED, RowState.CONFLICT)])
    assert preview(ledger, run, rows).possible_duplicates == 0
    assert [each.row_id for each in ledger.attempts.claim(run, 9)] == [2, 4]
