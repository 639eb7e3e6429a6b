"""Attempts that wait for proof of absence, and rows that may be paid although DVS listed no transaction of theirs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bulk_topup.domain.attempt import MAY_ARRIVE, Attempt, Move
from bulk_topup.domain.guards import Guards, Velocity
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.ledger.sql_fragments import ABSENT, absent_since
from tests.helpers.checked_rows import CheckedRow, staged
from tests.helpers.staged_lists import preview

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]
Refuse = Callable[..., Attempt]

ONCE = Velocity(days=20, payments=1)
WAIT = timedelta(seconds=60)


@pytest.fixture
def refuse(ledger: LedgerStore, move: MakeMove, clock: Any) -> Refuse:
    """Return a function that claims a run's only pending row, and starts its wait or ends that by proof of absence."""

    def do(run: Run, *, is_proved: bool = True) -> Attempt:
        [attempt] = ledger.attempts.claim(run, 2)
        now = clock.now()
        ledger.absences.start(
            attempt, sent_at=now, due_at=now + WAIT, after=RowState.FAILED, message="DVS did not accept it."
        )
        if is_proved:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED)])
        return attempt

    return do


def _retry(ledger: LedgerStore, run: Run) -> None:
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")


def _velocity_refused(ledger: LedgerStore, rows: list[CheckedRow], run: Run | None = None) -> int:
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    return ledger.staging.preview(run, ONCE).velocity_refused


def test_a_wait_is_due_after_the_last_send_and_survives_a_restart(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse, clock: Any
) -> None:
    run, other = start(ledger, [row(1)]), start(ledger, [row(2)], run_key="other")
    attempt = refuse(run, is_proved=False)
    assert ledger.attempts.in_flight(run) == [], "it is not sent again"
    due = clock.now() + WAIT
    with LedgerStore(ledger.path, clock=clock) as again:
        assert again.absences.resume(run, latest=due) == 1
        assert again.absences.resume(other, latest=due) == 0
        assert again.absences.due(run, due - timedelta(microseconds=1), limit=9) == []
        [absence] = again.absences.due(run, due, limit=9)
        assert (absence.attempt, absence.looks, absence.after) == (attempt, 0, RowState.FAILED)
        assert (absence.message, absence.sent_at) == ("DVS did not accept it.", clock.now())
        again.absences.save_look(attempt, due_at=due + WAIT)
        assert again.absences.due(run, due, limit=9) == []
        assert [each.looks for each in again.absences.due(run, due + WAIT, limit=9)] == [1]
        assert again.absences.due(other, due + WAIT, limit=9) == []


def test_a_wait_ends_when_its_row_moves(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse, clock: Any
) -> None:
    run = start(ledger, [row(1)])
    refuse(run)
    _retry(ledger, run)
    latest = clock.now() + WAIT
    assert ledger.absences.resume(run, latest=latest) == 0
    [attempt] = ledger.attempts.claim(run, 9)
    assert attempt.number == 1, "the same external ID"
    assert ledger.attempts.in_flight(run) == [attempt], "what was sent anew is sent again while it is unknown"
    assert ledger.absences.resume(run, latest=latest) == 0


@pytest.mark.parametrize("corrected", [{"credit_party": "+6595123777"}, {"amount": "11"}])
def test_a_corrected_row_is_not_claimed_for_a_day(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse, clock: Any, corrected: dict[str, str]
) -> None:
    run = start(ledger, [row(1)])
    refuse(run)
    changed = row(777, identity="party:1", line=3) if "credit_party" in corrected else row(1, corrected["amount"])
    start(ledger, [changed])
    _retry(ledger, run)
    assert ledger.attempts.claim(run, 9) == []
    assert ledger.attempts.claim(run, 9, canaries=True) == []
    assert ledger.attempts.pending(run) == (0, None)
    until = clock.now() + timedelta(hours=24)
    assert ledger.absences.withheld(run) == (1, until)
    clock.seconds += 24 * 3_600 - 1
    assert ledger.absences.withheld(run) == (1, until)
    assert ledger.attempts.claim(run, 9) == []
    clock.seconds += 1
    assert ledger.absences.withheld(run) == (0, None)
    assert ledger.attempts.pending(run) == (1, None)
    assert [attempt.number for attempt in ledger.attempts.claim(run, 9)] == [1]


def test_a_row_that_is_pending_again_waits_too_when_the_list_changes(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse
) -> None:
    run = start(ledger, [row(1)])
    refuse(run)
    _retry(ledger, run)
    start(ledger, [row(777, identity="party:1", line=3)])
    assert ledger.attempts.claim(run, 9) == []


def test_others_count_it_as_a_payment_for_a_day(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse, clock: Any
) -> None:
    refuse(start(ledger, [row(1)]))
    assert _velocity_refused(ledger, [row(1), row(2)]) == 1
    clock.seconds += MAY_ARRIVE.total_seconds()
    assert _velocity_refused(ledger, [row(1), row(2)]) == 0


def test_the_number_that_was_sent_counts_also_after_a_correction(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse
) -> None:
    run = start(ledger, [row(1)])
    refuse(run)
    start(ledger, [row(777, identity="party:1", line=3)])
    assert _velocity_refused(ledger, [row(1)]) == 1


def test_what_was_sent_can_be_compared_with_other_runs(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse, clock: Any
) -> None:
    run = start(ledger, [row(1)])
    attempt = refuse(run)
    [sent] = ledger.file.fetch_all("SELECT party_key FROM rows")
    start(ledger, [row(777, "11", identity="party:1", line=3)])
    values = {"absent_since": absent_since(clock.now())}
    [found] = ledger.file.fetch_all(ABSENT, **values)
    assert (found["row_id"], found["attempt"], found["party_key"]) == (attempt.row_id, 1, sent["party_key"])
    assert (found["credit_party"], found["product_id"], found["amount"]) == ("+6595123001", 6418, "10")
    clock.seconds += MAY_ARRIVE.total_seconds()
    assert ledger.file.fetch_all(ABSENT, absent_since=absent_since(clock.now())) == []


def test_it_counts_when_rows_are_claimed(ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse) -> None:
    guards = Guards(velocity=ONCE).model_dump_json()
    other = start(ledger, [row(1)], run_key="other", guards=guards)
    refuse(start(ledger, [row(1)]))
    assert ledger.attempts.claim(other, 9) == []
    assert ledger.rows.counts(other)[RowState.REFUSED] == 1


def test_its_own_retry_is_not_counted_against_itself(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse
) -> None:
    guards = Guards(velocity=ONCE).model_dump_json()
    run = start(ledger, [row(1)], guards=guards)
    refuse(run)
    _retry(ledger, run)
    assert _velocity_refused(ledger, [row(1)], run) == 0
    assert len(ledger.attempts.claim(run, 9)) == 1


def test_what_was_found_after_all_is_no_absence(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse, move: MakeMove, facts: Callable[..., Any]
) -> None:
    run = start(ledger, [row(1)])
    attempt = refuse(run, is_proved=False)
    declined = facts(status_class="DECLINED", status_message="DECLINED")
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED, facts=declined)])
    assert _velocity_refused(ledger, [row(1)]) == 0
    start(ledger, [row(777, identity="party:1", line=3)])
    _retry(ledger, run)
    assert [each.number for each in ledger.attempts.claim(run, 9)] == [2]


@pytest.mark.parametrize("is_corrected", [False, True])
def test_another_reference_for_the_same_number_is_a_possible_duplicate_for_a_day(
    ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse, clock: Any, is_corrected: bool
) -> None:
    run = start(ledger, [row(1)])
    refuse(run)
    if is_corrected:
        start(ledger, [row(777, identity="party:1", line=3)])
        renamed = [row(777, identity="party:1", line=3), row(1, identity="reference:new", line=4)]
    else:
        renamed = [row(1, identity="reference:new", line=4)]
    difference = preview(ledger, run, renamed)
    assert (difference.possible_duplicates, difference.new) == (1, 0)
    start(ledger, renamed)
    assert ledger.attempts.claim(run, 9) == []
    assert preview(ledger, run, [row(1)]).possible_duplicates == 0, "the row itself"
    clock.seconds += MAY_ARRIVE.total_seconds()
    assert preview(ledger, run, renamed).possible_duplicates == 0


def test_a_purge_deletes_absences(ledger: LedgerStore, row: MakeRow, start: Start, refuse: Refuse) -> None:
    run = start(ledger, [row(1)])
    refuse(run)
    ledger.purges.purge(run)
    assert ledger.file.fetch_all("SELECT count(*) FROM absences")[0][0] == 0
