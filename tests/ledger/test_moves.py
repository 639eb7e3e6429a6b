"""Claims and moves: durable, all or nothing, and only as the table of states allows."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from bulk_topup.domain.attempt import Facts, Move
from bulk_topup.domain.identity import external_id
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import MOVES, RowState
from bulk_topup.errors import LedgerError, StateError
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.system.clock import Clock
from tests.helpers.checked_rows import CheckedRow

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]
MakeFacts = Callable[..., Facts]

FORBIDDEN = [(before, after) for before in RowState for after in RowState if after not in MOVES[before]]


def outcome(ledger: LedgerStore, run: Run) -> Outcome:
    [found] = ledger.outcomes.rows(run)
    return found


def test_a_claim_returns_rows_in_order_up_to_its_limit_and_each_once(
    ledger: LedgerStore, row: MakeRow, start: Start
) -> None:
    run = start(ledger, [row(who) for who in range(5)])
    claimed = [attempt.row_id for _ in range(4) for attempt in ledger.attempts.claim(run, 2)]
    assert claimed == [1, 2, 3, 4, 5]


def test_external_ids_depend_on_job_run_and_row(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    assert attempt.external_id == external_id("payroll", "2026-11", "party:1", 1)
    assert attempt.number == 1
    assert attempt.request == row(1).request


def test_a_lost_ledger_gives_the_same_external_ids_again(tmp_path: Path, row: MakeRow, start: Start) -> None:
    ids = []
    for name in ("first.db", "second.db"):
        with LedgerStore(tmp_path / name) as ledger:
            run = start(ledger, [row(who) for who in range(20)])
            ids.append([attempt.external_id for attempt in ledger.attempts.claim(run, 20)])
    assert ids[0] == ids[1]


def test_other_processes_can_read_a_claim_when_it_returns(
    ledger: LedgerStore, row: MakeRow, start: Start, path: Path
) -> None:
    run = start(ledger, [row(who) for who in range(3)])
    claimed = ledger.attempts.claim(run, 2)
    other = sqlite3.connect(path)
    try:
        found = other.execute(
            "SELECT a.external_id FROM attempts AS a JOIN rows AS r ON r.id = a.row_id WHERE r.state = 'in_flight'"
        ).fetchall()
    finally:
        other.close()
    assert [name for (name,) in found] == [attempt.external_id for attempt in claimed]
    with LedgerStore(path) as reopened:
        assert reopened.attempts.in_flight(run) == claimed


def test_a_claim_that_cannot_be_written_returns_no_attempt(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(1), row(2)])
    ledger.file.connection.execute(
        "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.events BEGIN SELECT raise(ABORT, 'disk full'); END"
    )
    with pytest.raises(LedgerError, match="disk full"):
        ledger.attempts.claim(run, 9)
    assert ledger.attempts.in_flight(run) == []
    assert ledger.rows.counts(run)[RowState.PENDING] == 2
    assert not ledger.file.connection.in_transaction


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_a_move_that_is_not_allowed_changes_nothing(
    ledger: LedgerStore, row: MakeRow, start: Start, facts: MakeFacts, before: RowState, after: RowState
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    good = Move(
        row_id=attempt.row_id, attempt=1, before=RowState.IN_FLIGHT, after=RowState.ACCEPTED, cause="x", facts=facts()
    )
    bad = Move(row_id=attempt.row_id, attempt=1, before=before, after=after, cause="x", facts=facts())
    with pytest.raises(StateError, match=f"A row that is {before} can't become {after}"):
        ledger.attempts.record([good, bad])
    assert outcome(ledger, run).state is RowState.IN_FLIGHT
    assert len(ledger.rows.events(attempt.row_id)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"before": RowState.ACCEPTED, "after": RowState.COMPLETED},
        {"attempt": 2},
        {"row_id": 99},
    ],
)
def test_moves_are_all_made_or_none(
    ledger: LedgerStore, row: MakeRow, start: Start, facts: MakeFacts, wrong: dict[str, object]
) -> None:
    run = start(ledger, [row(1), row(2)])
    moves = []
    for attempt, changes in zip(ledger.attempts.claim(run, 9), ({}, wrong), strict=True):
        values = {
            "row_id": attempt.row_id,
            "attempt": 1,
            "before": RowState.IN_FLIGHT,
            "after": RowState.ACCEPTED,
            **changes,
        }
        moves.append(Move(cause="answer", facts=facts(), **values))  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match=r"Another process changed the ledger .*: 2 rows to update, 1 updated"):
        ledger.attempts.record(moves)
    assert [found.state for found in ledger.outcomes.rows(run)] == [RowState.IN_FLIGHT] * 2
    assert [found.transaction_id for found in ledger.outcomes.rows(run)] == [None, None]
    assert [len(ledger.rows.events(attempt.row_id)) for attempt in ledger.attempts.in_flight(run)] == [2, 2]


def test_the_outcome_of_an_earlier_attempt_does_not_change_the_latest(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, facts: MakeFacts
) -> None:
    run = start(ledger, [row(1)])
    [first] = ledger.attempts.claim(run, 9)
    ledger.attempts.record([move(first, RowState.IN_FLIGHT, RowState.FAILED, facts=facts(status_message="DECLINED"))])
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")
    [second] = ledger.attempts.claim(run, 9)
    ledger.attempts.record([move(second, RowState.IN_FLIGHT, RowState.ACCEPTED)])
    with pytest.raises(LedgerError):
        ledger.attempts.record([move(first, RowState.ACCEPTED, RowState.FAILED, facts=facts())])
    assert outcome(ledger, run).state is RowState.ACCEPTED


def test_a_row_cannot_be_accepted_without_its_transaction(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    with pytest.raises(StateError, match="without its transaction"):
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED, facts=None)])
    assert ledger.attempts.in_flight(run) == [attempt]


def test_no_moves_change_nothing(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(1)])
    ledger.attempts.record([])
    assert outcome(ledger, run).state is RowState.PENDING


def test_every_move_is_in_the_event_log_with_time_cause_and_status(
    ledger: LedgerStore, row: MakeRow, start: Start, facts: MakeFacts, move: MakeMove, clock: Clock
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    steps = [
        (RowState.IN_FLIGHT, RowState.ACCEPTED, "CONFIRMED"),
        (RowState.ACCEPTED, RowState.ACCEPTED, "SUBMITTED"),
        (RowState.ACCEPTED, RowState.COMPLETED, "COMPLETED"),
        (RowState.COMPLETED, RowState.REVERSED, "REVERSED"),
    ]
    for number, (before, after, message) in enumerate(steps):
        clock.seconds += 1  # type: ignore[attr-defined]
        known = facts(status_class=message, status_message=message)
        ledger.attempts.record([move(attempt, before, after, cause=f"cause {number}", facts=known)])
    events = ledger.rows.events(attempt.row_id)
    assert [(event.before, event.after, event.attempt, event.cause, event.status_message) for event in events] == [
        (None, "pending", 0, "list read", None),
        ("pending", "in_flight", 1, "intent to send", None),
        ("in_flight", "accepted", 1, "cause 0", "CONFIRMED"),
        ("accepted", "accepted", 1, "cause 1", "SUBMITTED"),
        ("accepted", "completed", 1, "cause 2", "COMPLETED"),
        ("completed", "reversed", 1, "cause 3", "REVERSED"),
    ]
    assert events[-1].at == clock.now()
    assert [(event.at - events[0].at).total_seconds() for event in events] == [0, 0, 1, 2, 3, 4]


def test_a_row_may_move_twice_in_one_commit(ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    ledger.attempts.record(
        [
            move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED),
            move(attempt, RowState.ACCEPTED, RowState.COMPLETED),
        ]
    )
    assert outcome(ledger, run).state is RowState.COMPLETED


def test_a_payment_that_is_refunded_later_is_reversed_with_its_facts(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, facts: MakeFacts, clock: Clock
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    ledger.attempts.record(
        [move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED, facts=facts(operator_reference="OP-1"))]
    )
    completed_at = outcome(ledger, run).final_at
    clock.seconds += 86_400  # type: ignore[attr-defined]
    taken_back = facts(status_class="REVERSED", status_message="REVERSED")
    ledger.attempts.record([move(attempt, RowState.COMPLETED, RowState.REVERSED, facts=taken_back)])
    found = outcome(ledger, run)
    assert (found.state, found.status_class, found.status_message) == ("reversed", "REVERSED", "REVERSED")
    assert found.operator_reference == "OP-1"
    assert completed_at is not None
    assert found.final_at == completed_at + timedelta(days=1)
    assert ledger.retries.choose(run, RetryChoice()) == (0, {})


def test_facts_that_are_missing_later_stay(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, facts: MakeFacts
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    known = facts(operator_reference="OP-1", pin_code="1234", pin_serial="S-1")
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED, facts=known)])
    less = facts(status_class="COMPLETED", status_message="COMPLETED", price=None, fee=None, price_unit=None)
    ledger.attempts.record([move(attempt, RowState.ACCEPTED, RowState.COMPLETED, facts=less)])
    found = outcome(ledger, run)
    assert (found.price, found.fee, found.price_unit) == (Decimal("7.41"), Decimal("0.05"), "USD")
    assert (found.operator_reference, found.pin_code, found.pin_serial) == ("OP-1", "1234", "S-1")
    assert found.status_class == "COMPLETED"


def test_a_row_that_is_not_final_has_no_final_time(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, clock: Clock
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED)])
    assert outcome(ledger, run).final_at is None
    ledger.attempts.record([move(attempt, RowState.ACCEPTED, RowState.COMPLETED)])
    assert outcome(ledger, run).final_at == clock.now()


def test_accepted_rows_are_found_by_external_id_by_page_and_by_second(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, facts: MakeFacts
) -> None:
    run = start(ledger, [row(who) for who in range(5)])
    assert ledger.attempts.accepted_seconds(run) == []
    attempts = ledger.attempts.claim(run, 9)
    first = datetime(2026, 11, 1, 2, tzinfo=UTC)
    for number, attempt in enumerate(attempts[:4]):
        known = facts(transaction_id=100 + number, creation_date=first + timedelta(microseconds=number))
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED, facts=known)])
    ledger.attempts.record([move(attempts[0], RowState.ACCEPTED, RowState.COMPLETED)])
    assert [found.transaction_id for found in ledger.attempts.accepted(run)] == [101, 102, 103]
    assert [found.transaction_id for found in ledger.attempts.accepted(run, after_row=attempts[1].row_id, limit=1)] == [
        102
    ]
    wanted = [attempt.external_id for attempt in attempts] + ["somebody-elses-1"]
    assert {found.attempt.external_id for found in ledger.attempts.accepted_among(run, wanted)} == set(wanted[1:4])
    assert ledger.attempts.accepted_among(run, []) == []
    [second] = ledger.attempts.accepted_seconds(run)
    assert (second.second, second.count, second.oldest, second.newest) == (
        "2026-11-01T02:00:00",
        3,
        first + timedelta(microseconds=1),
        first + timedelta(microseconds=3),
    )
    assert len(ledger.attempts.accepted(run, seconds=[second.second])) == 3
    assert ledger.attempts.accepted(run, seconds=["2026-11-01T02:00:01"]) == []


def test_unconfirmed_transactions_are_left_out_of_accepted_rows_on_request_alone(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, facts: MakeFacts
) -> None:
    run, classes = start(ledger, [row(who) for who in range(4)]), ["CREATED", "CONFIRMED", "SUBMITTED", "CREATED"]
    attempts = ledger.attempts.claim(run, 9)
    for attempt, status in zip(attempts, classes, strict=True):
        known = facts(transaction_id=attempt.row_id, status_class=status)
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED, facts=known)])
    ids = [attempt.external_id for attempt in attempts]
    for exclude_held, found in ((False, ids), (True, ids[1:3])):
        accepted = ledger.attempts.accepted(run, exclude_held=exclude_held)
        assert [each.attempt.external_id for each in accepted] == found
        among = ledger.attempts.accepted_among(run, ids, exclude_held=exclude_held)
        assert sorted(each.attempt.external_id for each in among) == sorted(found)
        assert [each.count for each in ledger.attempts.accepted_seconds(run, exclude_held=exclude_held)] == [len(found)]
    ledger.attempts.record([move(attempts[number], RowState.ACCEPTED, RowState.COMPLETED) for number in (1, 2)])
    assert ledger.attempts.accepted_seconds(run, exclude_held=True) == []


def test_seconds_are_in_utc_whatever_the_offset_of_the_time(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, facts: MakeFacts
) -> None:
    run = start(ledger, [row(who) for who in range(3)])
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    dates = [
        noon,
        (noon + timedelta(hours=1)).astimezone(timezone(-timedelta(hours=8))),
        (noon - timedelta(hours=1)).astimezone(timezone(timedelta(hours=8))),
    ]
    for attempt, date in zip(ledger.attempts.claim(run, 9), dates, strict=True):
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED, facts=facts(creation_date=date))])
    hour = timedelta(hours=1)
    assert [found.oldest for found in ledger.attempts.accepted_seconds(run)] == [noon - hour, noon, noon + hour]


def test_in_flight_rows_are_read_page_by_page(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(who) for who in range(5)])
    attempts = ledger.attempts.claim(run, 5)
    assert ledger.attempts.in_flight(run, limit=2) == attempts[:2]
    assert ledger.attempts.in_flight(run, after_row=attempts[1].row_id) == attempts[2:]
    assert ledger.attempts.in_flight(run, after_row=attempts[4].row_id) == []
