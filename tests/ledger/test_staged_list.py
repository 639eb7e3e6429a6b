"""A list that is read again: rows added, updated, kept and removed."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import MergePreview
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow, staged
from tests.helpers.staged_lists import outcomes, preview

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]

#: States of rows that were sent and are not known to have failed.
SENT = [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED, RowState.CONFLICT]


def causes(ledger: LedgerStore, row_id: int) -> list[tuple[str | None, str, str]]:
    return [(event.before, event.after, event.cause) for event in ledger.rows.events(row_id)]


def test_a_new_run_has_every_row_in_list_order(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    rows = [row(3, line=2), row(1, line=3, refused="No."), row(2, line=4)]
    run = start(ledger, rows)
    found = outcomes(ledger, run)
    assert [(outcome.line, outcome.state) for outcome in found] == [(2, "pending"), (3, "refused"), (4, "pending")]
    assert [outcome.cells for outcome in found] == [tuple(json.loads(given.cells)) for given in rows]
    assert [problem.message for problem in found[1].problems] == ["No."]
    assert causes(ledger, 1) == [(None, "pending", "list read")]
    assert ledger.rows.counts(run) == {state: {"pending": 2, "refused": 1}.get(state, 0) for state in RowState}


def test_the_run_keeps_its_creation_time_and_updates_its_columns(
    ledger: LedgerStore, row: MakeRow, start: Start
) -> None:
    first = start(ledger, [row(1)])
    again = start(ledger, [row(1)], columns=("phone", "amount", "name"))
    assert (again.id, again.created_at) == (first.id, first.created_at)
    assert again.columns == ("phone", "amount", "name")


def test_reading_the_same_list_again_changes_nothing(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.COMPLETED)
    start(ledger, [row(1), row(2, refused="No."), row(3)])
    before = outcomes(ledger, run)
    histories = [causes(ledger, row_id) for row_id in (1, 2, 3)]
    start(ledger, [row(1), row(2, refused="No."), row(3)])
    assert outcomes(ledger, run) == before
    assert [causes(ledger, row_id) for row_id in (1, 2, 3)] == histories


def test_nothing_of_the_run_changes_before_the_merge(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(1), row(2)])
    before = outcomes(ledger, run)
    preview(ledger, run, [row(1, "50"), row(3)])
    assert outcomes(ledger, run) == before
    assert ledger.rows.counts(run)[RowState.PENDING] == 2


def test_a_merge_is_all_or_nothing(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(1), row(2)])
    before = outcomes(ledger, run)
    ledger.file.connection.execute(
        "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.events WHEN new.cause = 'list read' "
        "BEGIN SELECT raise(ABORT, 'disk full'); END"
    )
    with pytest.raises(LedgerError, match="disk full"):
        start(ledger, [row(1, "50"), row(3)])
    assert outcomes(ledger, run) == before
    assert [len(ledger.rows.events(row_id)) for row_id in (1, 2)] == [1, 1]


def test_two_rows_with_one_identity_are_refused_as_a_whole(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    with pytest.raises(LedgerError, match="identity"):
        start(ledger, [row(1), row(1, line=9)])
    assert ledger.runs.all() == []
    run = start(ledger, [row(1)])
    with pytest.raises(LedgerError, match="identity"):
        preview(ledger, run, [row(1), row(1, line=9)])


def test_a_line_is_staged_once(ledger: LedgerStore, row: MakeRow) -> None:
    ledger.staging.clear()
    with pytest.raises(LedgerError, match="line"):
        ledger.staging.add(staged([row(1), row(2, line=3)]))
    assert ledger.staging.preview(None) == MergePreview()


def test_a_row_without_a_request_is_staged_only_if_it_is_refused(ledger: LedgerStore, row: MakeRow) -> None:
    ledger.staging.clear()
    [values] = staged([row(1)])
    with pytest.raises(LedgerError, match="CHECK"):
        ledger.staging.add([values._replace(request=None)])
    ledger.staging.add([values._replace(request=None, state="refused")])


def test_an_unsent_row_is_updated_from_the_list(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(1), row(2, refused="No."), row(3)])
    start(ledger, [row(1, "25", line=9), row(2), row(3, refused="Not any more.")])
    found = {outcome.credit_party: outcome for outcome in outcomes(ledger, run)}
    changed, corrected, refused = (found[f"+6595123{who:03}"] for who in (1, 2, 3))
    assert (changed.state, changed.amount, changed.line, changed.cells[1]) == ("pending", Decimal(25), 9, "25")
    assert (corrected.state, corrected.problems) == ("pending", ())
    assert (refused.state, refused.problems[0].message) == ("refused", "Not any more.")
    assert causes(ledger, 1)[1:] == [("pending", "pending", "list read again")]
    assert causes(ledger, 2)[1:] == [("refused", "pending", "list read again")]
    assert causes(ledger, 3)[1:] == [("pending", "refused", "list read again")]
    assert {attempt.request for attempt in ledger.attempts.claim(run, 9)} == {row(1, "25").request, row(2).request}


@pytest.mark.parametrize("state", SENT)
def test_a_sent_row_stays_with_a_note_when_the_list_changes(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt], state: RowState
) -> None:
    run = start(ledger, [row(1)])
    attempt = bring(run, state)
    history = causes(ledger, 1)
    start(ledger, [row(1, "25", line=7)])
    [outcome] = outcomes(ledger, run)
    assert (outcome.state, outcome.amount, outcome.attempt, outcome.line) == (state, Decimal(10), 1, 7)
    assert outcome.external_id == attempt.external_id
    assert outcome.cells == ("+6595123001", "25")
    assert outcome.note == (
        "The list changed after this row was sent: sent was 10 SGD to +6595123001, the list now says 25 SGD to "
        "+6595123001. It is not paid again; to pay a difference on purpose, use another list."
    )
    assert causes(ledger, 1) == history
    assert ledger.attempts.claim(run, 9) == []
    start(ledger, [row(1)])
    assert outcomes(ledger, run)[0].note == ""


@pytest.mark.parametrize(
    ("sent", "listed", "says"),
    [
        (
            {"amount": None, "unit": None},
            {},
            "sent was nothing to +6595123001, the list now says 25 SGD to +6595123001.",
        ),
        (
            {},
            {"amount": None, "unit": None},
            "sent was 25 SGD to +6595123001, the list now says nothing to +6595123001.",
        ),
    ],
)
def test_a_note_says_that_a_row_has_no_amount(
    ledger: LedgerStore,
    row: MakeRow,
    start: Start,
    bring: Callable[[Run, RowState], Attempt],
    sent: dict[str, Any],
    listed: dict[str, Any],
    says: str,
) -> None:
    """As rows of products that are paid without any amount."""
    run = start(ledger, [replace(row(1, "10" if sent else "25"), **sent)])
    bring(run, RowState.COMPLETED)
    start(ledger, [replace(row(1, "10" if listed else "25"), **listed)])
    assert says in outcomes(ledger, run)[0].note


@pytest.mark.parametrize("state", SENT)
def test_a_sent_row_that_the_checks_refuse_later_stays_with_a_note(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt], state: RowState
) -> None:
    run = start(ledger, [row(1)])
    bring(run, state)
    start(ledger, [row(1, "5000", refused="Out of range.")])
    [outcome] = outcomes(ledger, run)
    assert (outcome.state, outcome.amount, outcome.problems) == (state, Decimal(10), ())
    assert "sent was 10 SGD to +6595123001, the list now says what cannot be sent." in outcome.note


@pytest.mark.parametrize("state", SENT)
def test_a_sent_row_that_is_removed_from_the_list_stays(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt], state: RowState
) -> None:
    run = start(ledger, [row(1)])
    attempt = bring(run, state)
    start(ledger, [row(2)])
    gone, new = outcomes(ledger, run)
    assert (gone.state, gone.note) == (state, "No longer in the list; what was sent stands, and nothing more is sent.")
    assert new.state == "pending"
    assert ledger.rows.counts(run)[state] == 1
    assert ledger.attempts.in_flight(run) == ([attempt] if state is RowState.IN_FLIGHT else [])
    is_accepted = state is RowState.ACCEPTED
    assert [found.attempt for found in ledger.attempts.accepted(run)] == ([attempt] if is_accepted else [])
    among = ledger.attempts.accepted_among(run, [attempt.external_id])
    assert [found.attempt for found in among] == ([attempt] if is_accepted else [])
    assert bool(ledger.attempts.accepted_seconds(run)) is is_accepted
    start(ledger, [row(1), row(2)])
    assert outcomes(ledger, run)[0].note == ""


def test_mismatches_are_counted_for_completed_and_open_rows(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, [row(who) for who in range(len(SENT) + 1)])
    attempts = ledger.attempts.claim(run, 9)
    for attempt, state in zip(attempts, [*SENT, RowState.FAILED], strict=True):
        if state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])
    assert ledger.conflicts.count_mismatches(run) == 0
    start(ledger, [row(who, "11") for who in range(len(SENT) + 1)])
    assert ledger.conflicts.count_mismatches(run) == 3
    start(ledger, [])
    assert ledger.conflicts.count_mismatches(run) == 3


def test_an_unsent_row_that_is_removed_from_the_list_is_not_paid(
    ledger: LedgerStore, row: MakeRow, start: Start
) -> None:
    run = start(ledger, [row(1), row(2), row(3, refused="No.")])
    start(ledger, [row(2)])
    assert [outcome.credit_party for outcome in outcomes(ledger, run)] == ["+6595123002"]
    assert ledger.rows.counts(run)[RowState.PENDING] == 1
    assert ledger.spending.pending_costs(run) == {"USD": Decimal(5)}
    assert causes(ledger, 1)[1:] == [("pending", "refused", "no longer in the list")]
    assert len(causes(ledger, 3)) == 1
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9)] == [2]


def test_a_row_that_is_added_again_is_paid_once(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(1)])
    start(ledger, [])
    start(ledger, [row(1, "12")])
    [outcome] = outcomes(ledger, run)
    assert (outcome.state, outcome.amount, outcome.note, outcome.problems) == ("pending", Decimal(12), "", ())
    assert causes(ledger, 1)[2:] == [("refused", "pending", "list read again")]
    assert [attempt.number for attempt in ledger.attempts.claim(run, 9)] == [1]
    assert ledger.attempts.claim(run, 9) == []


def test_a_released_row_that_is_removed_from_the_list_is_reported_and_not_sent(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.PENDING)
    start(ledger, [])
    [outcome] = outcomes(ledger, run)
    assert (outcome.state, outcome.attempt) == ("refused", 1)
    assert outcome.problems[0].message == "It is no longer in the list, so it is not sent."
    assert ledger.attempts.claim(run, 9) == []
    assert ledger.rows.counts(run)[RowState.REFUSED] == 1


def test_a_row_that_is_released_after_its_removal_is_not_sent_again(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt], move: MakeMove
) -> None:
    run = start(ledger, [row(1)])
    attempt = bring(run, RowState.IN_FLIGHT)
    start(ledger, [])
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.PENDING)])
    assert ledger.attempts.claim(run, 9) == []
    assert ledger.spending.pending_costs(run) == {}
    start(ledger, [])
    [outcome] = outcomes(ledger, run)
    assert (outcome.state, outcome.attempt) == ("refused", 1)
    assert causes(ledger, 1)[-1] == ("pending", "refused", "no longer in the list")


def test_the_preview_counts_what_a_merge_would_do(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    states = [RowState.COMPLETED, RowState.COMPLETED, RowState.FAILED, *SENT[:2], *SENT[3:]]
    run = start(ledger, [row(who) for who in range(len(states))])
    for attempt, state in zip(ledger.attempts.claim(run, 9), states, strict=True):
        if state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])
    known = [row(who) for who in range(len(states))]
    run = start(ledger, [*known, row(100), row(101, refused="No."), row(102)])
    staged = [row(0, "11"), *known[1:], row(100, "30"), row(101, "3"), row(200, "0.000000001"), row(201, refused="No.")]
    assert preview(ledger, run, staged) == MergePreview(
        new=1,
        waiting=2,
        completed=2,
        failed=1,
        open=2,
        needs_review=2,
        changed_after_sending=1,
        removed_from_list=1,
        known=9,
        shared=9,
        costs={"USD": Decimal("16.5000000005")},
    )
    assert preview(ledger, None, [row(1), row(2, refused="No.")]) == MergePreview(new=1, costs={"USD": Decimal(5)})


def test_removed_rows_keep_their_cells_under_the_new_columns(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.COMPLETED)
    columns = ("name", "amount", "phone")
    new = row(2, cells=json.dumps(["Invented", "10", "+6595123002"]))
    run = start(ledger, [new], columns=columns)
    assert {outcome.cells for outcome in outcomes(ledger, run)} == {
        ("", "10", "+6595123001"),
        ("Invented", "10", "+6595123002"),
    }


def test_runs_do_not_share_rows(ledger: LedgerStore, row: MakeRow, start: Start, path: Path) -> None:
    november = start(ledger, [row(1), row(2)])
    december = start(ledger, [row(2), row(3)], run_key="2026-12")
    assert ledger.rows.counts(november)[RowState.PENDING] == 2
    claimed = ledger.attempts.claim(december, 9)
    assert [attempt.row_id for attempt in claimed] == [3, 4]
    assert ledger.attempts.in_flight(november) == []
    assert ledger.attempts.accepted_among(november, [attempt.external_id for attempt in claimed]) == []
    with LedgerStore(path) as other:
        assert [run.name for run in other.runs.all()] == ["payroll/2026-11", "payroll/2026-12"]


@pytest.mark.parametrize(
    ("identity", "amount", "is_same"),
    [("reference:R-1", "10", True), ("reference:R-2", "10", False), ("reference:R-1", "11", False)],
)
def test_a_list_is_that_of_a_run_whose_identities_an_earlier_version_wrote(
    ledger: LedgerStore, row: MakeRow, start: Start, identity: str, amount: str, is_same: bool
) -> None:
    run = start(ledger, [row(1, identity="reference:R-1")], run_key="earlier")
    ledger.staging.clear()
    ledger.staging.add(staged([row(1, amount, identity=identity.lower(), written=identity)]))
    assert ledger.staging.is_list_of(run) is is_same
