"""Failed rows that are corrected or refused in the list before their retry."""

from collections.abc import Callable
from decimal import Decimal

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow
from tests.helpers.staged_lists import outcomes

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]

#: States of rows that were sent and are not known to have failed.
SENT = [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED, RowState.CONFLICT]


def test_a_failed_row_gets_the_corrected_amount_for_its_retry(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.FAILED)
    corrected = "Corrected in the list since it failed; a retry sends it as it is now."
    for _ in range(2):
        start(ledger, [row(1, "12")])
        [outcome] = outcomes(ledger, run)
        assert (outcome.state, outcome.amount, outcome.note) == ("failed", Decimal(12), corrected)
    start(ledger, [])
    assert outcomes(ledger, run)[0].note == "No longer in the list; what was sent stands, and nothing more is sent."
    assert ledger.retries.choose(run, RetryChoice()) == (0, {})
    start(ledger, [row(1, "12")])
    assert outcomes(ledger, run)[0].note == corrected
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")
    [attempt] = ledger.attempts.claim(run, 9)
    assert attempt.request == row(1, "12").request
    assert outcomes(ledger, run)[0].note == ""


def test_a_correction_that_is_reverted_leaves_no_note(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.FAILED)
    for rows in ([row(1, "12")], [row(1)], [], [row(1)]):
        start(ledger, rows)
    [outcome] = outcomes(ledger, run)
    assert (outcome.state, outcome.amount, outcome.note) == ("failed", Decimal(10), "")


def test_a_failed_row_that_the_checks_refuse_now_is_not_retried_as_it_was(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.FAILED)
    start(ledger, [row(1, "5000", refused="Out of range.")])
    [outcome] = outcomes(ledger, run)
    assert (outcome.state, outcome.cells[1]) == ("failed", "5000")
    assert outcome.note == "Can't be sent as it is in the list now; a retry skips it."
    assert [problem.message for problem in outcome.problems] == ["Out of range."]
    assert ledger.retries.choose(run, RetryChoice()) == (0, {})
    start(ledger, [row(1)])
    [outcome] = outcomes(ledger, run)
    assert (outcome.note, outcome.problems) == ("", ())
    assert ledger.retries.choose(run, RetryChoice())[0] == 1


def test_a_row_pending_for_its_retry_may_still_be_refused(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.FAILED)
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")
    start(ledger, [row(1, refused="No.")])
    assert [outcome.state for outcome in outcomes(ledger, run)] == ["refused"]
    assert ledger.attempts.claim(run, 9) == []
