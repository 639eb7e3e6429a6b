"""Retries: which failed rows get a new attempt, and when it has a new number."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.domain.attempt import Event, Facts, Move, Resolution
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]
MakeFacts = Callable[..., Facts]

DECLINED = {"status_class": "DECLINED", "status_message": "DECLINED-BARRED-CREDIT-PARTY"}
REJECTED = {"status_class": "REJECTED", "status_message": "REJECTED"}


@pytest.fixture
def run(ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, facts: MakeFacts) -> Run:
    """Rows on lines 2 to 6: declined, rejected, creation refused, completed, in flight."""
    run = start(ledger, [row(who) for who in range(5)])
    declined, rejected, refused, completed, _ = ledger.attempts.claim(run, 5)
    ledger.attempts.record(
        [
            move(declined, RowState.IN_FLIGHT, RowState.FAILED, facts=facts(**DECLINED)),
            move(rejected, RowState.IN_FLIGHT, RowState.FAILED, facts=facts(**REJECTED)),
            move(refused, RowState.IN_FLIGHT, RowState.FAILED, message="The provider refused the creation."),
            move(completed, RowState.IN_FLIGHT, RowState.COMPLETED),
        ]
    )
    return run


@pytest.mark.parametrize(
    ("choice", "row_ids"),
    [
        (RetryChoice(), [1, 2, 3]),
        (RetryChoice(statuses=[], classes=["DECLINED"]), [1]),
        (RetryChoice(statuses=["DECLINED"]), []),
        (RetryChoice(statuses=["DECLINED-BARRED-CREDIT-PARTY"], classes=["REJECTED"]), [1, 2]),
        (RetryChoice(statuses=["COMPLETED"]), []),
        (RetryChoice(statuses=["DECLINED-DUPLICATED-TRANSACTION"]), []),
        (RetryChoice(lines=[3, 4, 5, 6]), [2, 3]),
        (RetryChoice(lines=[2, 3], statuses=[], classes=["REJECTED"]), [2]),
        (RetryChoice(lines=[99]), []),
        (RetryChoice(row_ids=[1, 3]), [1, 3]),
        (RetryChoice(attempts=2), [1, 2, 3]),
        (RetryChoice(attempts=1), []),
    ],
)
def test_only_failed_rows_that_meet_the_choice_are_retried(
    ledger: LedgerStore, run: Run, choice: RetryChoice, row_ids: list[int]
) -> None:
    assert ledger.retries.choose(run, choice)[0] == ledger.retries.apply("retry asked for") == len(row_ids)
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9)] == row_ids


def test_a_corrected_row_is_chosen_whatever_its_status(
    ledger: LedgerStore, run: Run, row: MakeRow, start: Start
) -> None:
    choice = RetryChoice(statuses=["DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"], or_corrected=True)
    assert ledger.retries.choose(run, choice)[0] == 0
    start(ledger, [row(1), row(2, "12"), row(3)])
    ledger.retries.choose(run, choice)
    ledger.retries.apply("retry asked for")
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9)] == [3]


def test_a_row_is_claimed_only_when_its_retry_is_due(ledger: LedgerStore, run: Run, clock: Any) -> None:
    ledger.retries.choose(run, RetryChoice(lines=[2]))
    due = clock.now() + timedelta(minutes=10)
    ledger.retries.apply("retry asked for", not_before=due)
    assert ledger.attempts.pending(run) == (1, due)
    assert ledger.attempts.claim(run, 9) == []
    clock.seconds += 600
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9)] == [1]
    assert ledger.attempts.pending(run) == (0, None)


def test_choosing_retries_changes_nothing_before_they_are_applied(ledger: LedgerStore, run: Run) -> None:
    chosen, costs = ledger.retries.choose(run, RetryChoice())
    assert (chosen, costs) == (3, {"USD": Decimal(15)})
    assert ledger.attempts.claim(run, 9) == []
    assert ledger.retries.apply("retry asked for") == 3
    assert ledger.retries.choose(run, RetryChoice()) == (0, {})
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9)] == [1, 2, 3]
    assert ledger.rows.events(1)[-2].cause == "retry asked for"


def test_a_new_number_follows_only_an_attempt_whose_transaction_is_known(ledger: LedgerStore, run: Run) -> None:
    before = {outcome.line: outcome.external_id for outcome in ledger.outcomes.rows(run)}
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")
    declined, rejected, refused = ledger.attempts.claim(run, 9)
    assert (declined.number, rejected.number, refused.number) == (2, 2, 1)
    assert refused.external_id == before[4]
    assert declined.external_id != before[2]


def test_a_released_row_keeps_its_number_and_its_id(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, [row(1)])
    attempts = []
    for _ in range(3):
        attempts += ledger.attempts.claim(run, 9)
        ledger.attempts.record([move(attempts[-1], RowState.IN_FLIGHT, RowState.PENDING, cause="rate limit")])
    assert attempts[0] == attempts[1] == attempts[2]


def test_a_reused_number_carries_the_corrected_request(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, [row(1, "500")])
    [first] = ledger.attempts.claim(run, 9)
    ledger.attempts.record([move(first, RowState.IN_FLIGHT, RowState.FAILED)])
    start(ledger, [row(1, "50")])
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")
    [again] = ledger.attempts.claim(run, 9)
    assert (again.external_id, again.request) == (first.external_id, row(1, "50").request)
    assert ledger.attempts.in_flight(run) == [again]


def test_a_new_attempt_starts_without_the_facts_of_the_last(ledger: LedgerStore, run: Run) -> None:
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")
    ledger.attempts.claim(run, 9)
    first = next(ledger.outcomes.rows(run))
    assert (first.state, first.attempt) == (RowState.IN_FLIGHT, 2)
    assert (first.transaction_id, first.status_class, first.price, first.message) == (None, None, None, "")


def test_a_transaction_is_adopted_by_its_latest_attempt_only(ledger: LedgerStore, run: Run, move: MakeMove) -> None:
    first_id = next(ledger.outcomes.rows(run)).external_id
    ledger.retries.choose(run, RetryChoice(lines=[2]))
    ledger.retries.apply("retry asked for")
    [second] = ledger.attempts.claim(run, 9)
    ledger.attempts.record([move(second, RowState.IN_FLIGHT, RowState.ACCEPTED)])
    assert [found.attempt for found in ledger.attempts.accepted_among(run, [str(first_id), second.external_id])] == [
        second
    ]


def test_a_retry_is_read_back_as_an_event_of_the_attempt_that_failed(ledger: LedgerStore, run: Run, clock: Any) -> None:
    ledger.retries.choose(run, RetryChoice(lines=[2]))
    before = len(ledger.rows.events(1))
    clock.seconds += 60
    ledger.retries.apply("retry asked for")
    [event] = ledger.rows.events(1)[before:]
    assert event == Event(
        at=clock.now(),
        attempt=1,
        before=RowState.FAILED,
        after=RowState.PENDING,
        cause="retry asked for",
        status_message=None,
    )
    assert ledger.rows.events(2)[-1].after is RowState.FAILED


def test_a_number_that_is_used_again_has_nothing_of_the_attempt_before(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, facts: MakeFacts, clock: Any
) -> None:
    run = start(ledger, [row(1)])
    [first] = ledger.attempts.claim(run, 1)
    known = facts(operator_reference="OP-1", expires_at=clock.now(), pin_code="1234", pin_serial="A-1")
    ledger.attempts.record([move(first, RowState.IN_FLIGHT, RowState.ACCEPTED, facts=known)])
    ledger.attempts.record([move(first, RowState.ACCEPTED, RowState.CONFLICT)])
    ledger.conflicts.save_resolution(first.row_id, first.number, Resolution.FREE)
    ledger.attempts.record([move(first, RowState.CONFLICT, RowState.FAILED)])
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")
    assert ledger.attempts.claim(run, 1) == [first]
    ledger.attempts.record([move(first, RowState.IN_FLIGHT, RowState.ACCEPTED, facts=facts(price=None, fee=None))])
    [again] = ledger.outcomes.rows(run)
    assert (again.price, again.fee, again.operator_reference) == (None, None, None)
    assert (again.pin_code, again.pin_serial, again.final_at) == (None, None, None)


def test_the_interval_between_payments_starts_at_the_last_send_of_a_number(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, clock: Any
) -> None:
    run = start(ledger, [row(1), row(1, line=9, identity="party:1#2")])
    [first] = ledger.attempts.claim(run, 1)
    ledger.attempts.record([move(first, RowState.IN_FLIGHT, RowState.PENDING)])
    clock.seconds += 3_600
    [again] = ledger.attempts.claim(run, 1)
    assert again == first
    ledger.attempts.record([move(again, RowState.IN_FLIGHT, RowState.COMPLETED)])
    clock.seconds += 59
    assert ledger.attempts.claim(run, 1, min_interval=60) == []
    clock.seconds += 1
    assert len(ledger.attempts.claim(run, 1, min_interval=60)) == 1


def test_a_payment_of_the_same_moment_is_within_the_interval(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, [row(1), row(1, line=9, identity="party:1#2")])
    [first] = ledger.attempts.claim(run, 1)
    ledger.attempts.record([move(first, RowState.IN_FLIGHT, RowState.COMPLETED)])
    assert ledger.attempts.claim(run, 1, min_interval=60) == []
    assert len(ledger.attempts.claim(run, 1)) == 1


def test_a_choice_replaces_the_one_before_and_is_applied_once(ledger: LedgerStore, run: Run) -> None:
    assert ledger.retries.choose(run, RetryChoice(lines=[2]))[0] == 1
    assert ledger.retries.choose(run, RetryChoice(lines=[3]))[0] == 1
    assert ledger.retries.apply("retry asked for") == 1
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9)] == [2]
    ledger.file.fetch_all("UPDATE rows SET state = 'failed' WHERE id = 2 RETURNING id")
    assert ledger.retries.apply("retry asked for") == 0
    assert ledger.rows.counts(run)[RowState.FAILED] == 3


def test_corrected_rows_are_chosen_beside_others_only_on_request(
    ledger: LedgerStore, run: Run, row: MakeRow, start: Start
) -> None:
    start(ledger, [row(1), row(2, "12"), row(3)])
    for choice, chosen in ((RetryChoice(statuses=["NONE"]), 0), (RetryChoice(statuses=["NONE"], or_corrected=True), 1)):
        assert ledger.retries.choose(run, choice)[0] == chosen


def test_the_policy_of_a_job_moves_the_rows_that_it_chooses_and_returns_their_number(
    ledger: LedgerStore, run: Run, clock: Any
) -> None:
    due = clock.now() + timedelta(seconds=60)
    assert ledger.retries.apply_policy(run, RetryChoice(lines=[99]), due) == 0
    assert ledger.attempts.pending(run) == (0, None)
    assert ledger.retries.apply_policy(run, RetryChoice(lines=[2, 3]), due) == 2
    assert ledger.attempts.pending(run) == (2, due)
    assert ledger.rows.events(1)[-1].cause == "retry by the job's policy"


def test_rows_of_a_closed_run_alone_are_not_chosen(ledger: LedgerStore, run: Run, row: MakeRow, start: Start) -> None:
    other = start(ledger, [row(9)], run_key="other")
    close = "UPDATE runs SET closed_at = '2026-11-01T00:00:00+00:00' WHERE id = :run_id RETURNING id"
    ledger.file.fetch_all(close, run_id=other.id)
    assert ledger.retries.choose(run, RetryChoice())[0] == 3
    ledger.file.fetch_all(close, run_id=run.id)
    assert ledger.retries.choose(run, RetryChoice())[0] == 0
