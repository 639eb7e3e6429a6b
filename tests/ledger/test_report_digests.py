"""The figures of a run's report, and whether its last report is current."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import summarise, summarise_groups
from bulk_topup.ledger import LedgerStore, RetryChoice, report_digests
from tests.helpers.checked_rows import CheckedRow

Row = Callable[..., CheckedRow]
Start = Callable[..., Run]
Make = Callable[..., Any]

FILES = {"results.csv": "12ab", "summary.json": "34cd"}


def _keep(ledger: LedgerStore, run: Run) -> None:
    ledger.reports.save(run, ledger.reports.start(run), FILES)


@pytest.fixture
def finished(ledger: LedgerStore, row: Row, start: Start, move: Make) -> Run:
    """Return a run with a completed, a failed, an open, a pending and a refused row."""
    run = start(ledger, [*(row(who) for who in range(4)), row(5, refused="No.")])
    paid, failed, open_ = ledger.attempts.claim(run, 3)
    ledger.attempts.record(
        [
            move(paid, RowState.IN_FLIGHT, RowState.COMPLETED),
            move(failed, RowState.IN_FLIGHT, RowState.FAILED, message="Declined."),
            move(open_, RowState.IN_FLIGHT, RowState.ACCEPTED),
        ]
    )
    return run


def _settle(ledger: LedgerStore, run: Run, move: Make) -> None:
    [open_] = ledger.attempts.accepted(run)
    ledger.attempts.record([move(open_.attempt, RowState.ACCEPTED, RowState.COMPLETED)])


def _retry(ledger: LedgerStore, run: Run, _: Make) -> None:
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")


def _acknowledge(ledger: LedgerStore, run: Run, _: Make) -> None:
    assert ledger.conflicts.acknowledge(run, [2], "read") == [2]


CHANGES: dict[str, Callable[[LedgerStore, Run, Make], object]] = {
    "a row is claimed": lambda ledger, run, _: ledger.attempts.claim(run, 1),
    "a row moves": _settle,
    "a failed row is to be tried again": _retry,
    "a person has read what the list contradicts": _acknowledge,
    "the run goes on with another account": lambda ledger, run, _: ledger.runs.set_account(run, "another"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_report_is_current_until_its_run_changes(
    ledger: LedgerStore,
    finished: Run,
    row: Row,
    start: Start,
    move: Make,
    change: Callable[[LedgerStore, Run, Make], object],
) -> None:
    # Line 2 was paid and changed in the list since.
    start(ledger, [row(0, "11"), *(row(who) for who in range(1, 4)), row(5, refused="No.")])
    other = start(ledger, [row(9)], run_key="2026-12")
    assert ledger.reports.digests(finished) is None
    _keep(ledger, finished)
    _keep(ledger, other)
    assert ledger.reports.digests(finished) == FILES
    change(ledger, finished, move)
    assert ledger.reports.digests(finished) is None
    assert ledger.reports.digests(other) == FILES


@pytest.mark.parametrize("who", [0, 9])
def test_a_report_is_current_until_its_list_changes(
    ledger: LedgerStore, finished: Run, row: Row, start: Start, who: int
) -> None:
    _keep(ledger, finished)
    start(ledger, [row(who)])
    assert ledger.reports.digests(finished) is None


def test_a_report_of_a_purged_run_has_to_be_written_again(
    ledger: LedgerStore, row: Row, start: Start, move: Make
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 1)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
    _keep(ledger, run)
    ledger.purges.purge(run)
    assert ledger.reports.digests(run) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rows SET note = 'by hand' WHERE line = 3",
        "DELETE FROM rows WHERE line = 7",
        (
            "INSERT INTO rows (run_id, identity, line, in_list, state, cells, problems, message, note, attempt) "
            "VALUES (1, 'x', 99, 1, 'pending', '[]', '[]', '', '', 0)"
        ),
        "UPDATE runs SET columns = '[]'",
    ],
)
def test_a_report_is_not_current_when_the_ledger_was_edited(ledger: LedgerStore, finished: Run, statement: str) -> None:
    _keep(ledger, finished)
    ledger.file.connection.execute("PRAGMA foreign_keys = OFF")
    ledger.file.connection.execute(statement)
    assert ledger.reports.digests(finished) is None


def test_a_report_is_not_saved_when_a_row_changed_while_it_was_written(
    ledger: LedgerStore, finished: Run, move: Make
) -> None:
    mark = ledger.reports.start(finished)
    _settle(ledger, finished, move)
    ledger.reports.save(finished, mark, FILES)
    assert ledger.reports.digests(finished) is None


def test_of_two_reports_that_are_written_at_once_only_the_one_started_last_is_saved(
    ledger: LedgerStore, finished: Run
) -> None:
    first, second = ledger.reports.start(finished), ledger.reports.start(finished)
    ledger.reports.save(finished, first, {"results.csv": "of the first"})
    assert ledger.reports.digests(finished) is None
    ledger.reports.save(finished, second, FILES)
    assert ledger.reports.digests(finished) == FILES


def test_a_report_of_another_version_is_not_current(ledger: LedgerStore, finished: Run) -> None:
    _keep(ledger, finished)
    ledger.file.connection.execute("UPDATE reports SET version = '0.0.1'")
    assert ledger.reports.digests(finished) is None


amounts = st.sampled_from(["0.000000001", "10", "999999999999999999.999999999"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(amounts, st.sampled_from([*RowState]), amounts), max_size=12))
def test_groups_have_the_same_sums_as_single_rows(
    ledger: LedgerStore, row: Row, start: Start, move: Make, facts: Make, rows: list[tuple[str, RowState, str]]
) -> None:
    unsent = {RowState.PENDING, RowState.REFUSED}
    run = start(
        ledger,
        [
            row(who, amount, refused="No." if state is RowState.REFUSED else "", line=who + 2)
            for who, (amount, state, _) in enumerate(rows)
        ],
        run_key=str(len(ledger.runs.all())),
    )
    by_party = {f"+6595123{who:03}": (state, price) for who, (_, state, price) in enumerate(rows)}
    for attempt in ledger.attempts.claim(run, 12):
        party = attempt.request.decode().split('"mobile_number": "')[1].split('"')[0]
        state, price = by_party[party]
        known = facts(price=Decimal(price), fee=None if state is RowState.CONFLICT else Decimal(1))
        if state not in unsent | {RowState.IN_FLIGHT}:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state, facts=known)])
    summary = summarise_groups(run, ledger.outcomes.groups(run))
    assert summary == summarise(run, ledger.outcomes.pages(run, open_pins=False))
    assert summary.rows == len(rows)


def test_the_last_change_is_that_of_the_runs_own_rows(
    ledger: LedgerStore, row: Row, start: Start, move: Make, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = start(ledger, [row(1)], run_key="1"), start(ledger, [row(2)], run_key="2")
    clock.seconds += 60
    [attempt] = ledger.attempts.claim(first, 1)
    at = clock.now()
    clock.seconds += 60
    ledger.attempts.claim(second, 1)
    assert ledger.reports.last_change(first) == at
    assert ledger.reports.last_change(second) == clock.now()
    monkeypatch.setattr(report_digests, "NEWEST_EVENTS", 1)
    assert ledger.reports.last_change(first) is None  # too long ago to be looked for
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
    assert ledger.reports.last_change(first) == clock.now()
