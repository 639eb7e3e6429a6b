"""A list that is read again: rows added, updated, kept, removed, and possible duplicates."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import MergePreview
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow, staged

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]

#: States of rows that were sent and are not known to have failed.
SENT = [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED, RowState.CONFLICT]


@pytest.fixture
def bring(ledger: LedgerStore, move: MakeMove) -> Callable[[Run, RowState], Attempt]:
    """Return a function that claims the only pending row of a run and moves it to a state."""

    def do(run: Run, state: RowState) -> Attempt:
        [attempt] = ledger.attempts.claim(run, 2)
        if state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])
        return attempt

    return do


def outcomes(ledger: LedgerStore, run: Run) -> list[Outcome]:
    return list(ledger.outcomes.rows(run))


def causes(ledger: LedgerStore, row_id: int) -> list[tuple[str | None, str, str]]:
    return [(event.before, event.after, event.cause) for event in ledger.rows.events(row_id)]


def differ(ledger: LedgerStore, run: Run | None, rows: list[CheckedRow]) -> MergePreview:
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    return ledger.staging.preview(run)


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
    differ(ledger, run, [row(1, "50"), row(3)])
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
        differ(ledger, run, [row(1), row(1, line=9)])


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


def test_the_same_payment_under_another_reference_is_a_possible_duplicate(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1, identity="reference:E-1")])
    bring(run, RowState.COMPLETED)
    renamed = [row(1, identity="reference:E-01"), row(2)]
    difference = differ(ledger, run, renamed)
    assert (difference.possible_duplicates, difference.new, difference.removed_from_list) == (1, 1, 1)
    assert difference.costs == {"USD": Decimal(5)}
    start(ledger, renamed)
    gone, held, new = sorted(outcomes(ledger, run), key=lambda outcome: (outcome.credit_party, -outcome.attempt))
    assert (gone.state, held.state, new.state) == ("completed", "refused", "pending")
    assert held.problems[0].message == (
        "Line 3 of an earlier version of this list, since removed, was already sent product 6418 for "
        "+6595123001. Restore that line, or pay this one on purpose in another run with --run-key."
    )
    assert held.problems[0].may_be_paid
    assert (gone.in_list, held.in_list) == (False, True)
    assert [attempt.request for attempt in ledger.attempts.claim(run, 9)] == [row(2).request]


@pytest.mark.parametrize("state", SENT)
def test_deleting_an_unsent_row_before_its_paid_equal_does_not_pay_it_again(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt], state: RowState
) -> None:
    run = start(ledger, [row(1, "5000", refused="Out of range."), row(1, line=4, identity="party:1#2")])
    bring(run, state)
    start(ledger, [row(1)])
    assert ledger.attempts.claim(run, 9) == []
    assert ledger.rows.counts(run)[RowState.REFUSED] == 1


def test_a_failed_row_is_not_retried_as_the_equal_of_a_paid_one_that_was_removed(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, [row(1), row(1, "20", line=4, identity="party:1#2")])
    for after in (RowState.FAILED, RowState.COMPLETED):
        [attempt] = ledger.attempts.claim(run, 9)
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, after)])
    start(ledger, [row(1, "20")])
    assert ledger.retries.choose(run, RetryChoice()) == (0, {})
    failed = outcomes(ledger, run)[0]
    assert failed.state is RowState.FAILED
    assert [problem.may_be_paid for problem in failed.problems] == [True]


def test_of_two_paid_equal_rows_the_one_still_in_the_list_has_no_mismatch(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    equals = [row(1), row(1, line=4, identity="party:1#2")]
    run = start(ledger, equals)
    for _ in equals:
        [attempt] = ledger.attempts.claim(run, 9)
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
    assert differ(ledger, run, equals[:1]) == MergePreview(completed=1, removed_from_list=1)
    start(ledger, equals[:1])
    kept, _ = outcomes(ledger, run)
    assert kept.note == ""


def test_a_possible_duplicate_is_valid_when_the_paid_row_is_restored(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1, identity="reference:A")])
    bring(run, RowState.COMPLETED)
    for _ in range(2):
        start(ledger, [row(1, identity="reference:B")])
        assert ledger.attempts.claim(run, 9) == []
    start(ledger, [row(1, identity="reference:A"), row(1, line=9, identity="reference:B")])
    assert len(ledger.attempts.claim(run, 9)) == 1


def numbered(row: MakeRow, *parties: int) -> list[CheckedRow]:
    """Return a list whose references are the positions of its rows."""
    return [row(who, line=place + 1, identity=f"reference:{place}") for place, who in enumerate(parties, start=1)]


@pytest.mark.parametrize("state", SENT)
def test_renumbering_the_references_pays_no_row_twice(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, state: RowState
) -> None:
    run = start(ledger, numbered(row, 10, 20, 30))
    for attempt in ledger.attempts.claim(run, 9):
        if state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])
    renumbered = numbered(row, 40, 10, 20, 30)
    for _ in range(2):
        difference = differ(ledger, run, renumbered)
        assert (difference.possible_duplicates, difference.new, difference.changed_after_sending) == (1, 0, 3)
        start(ledger, renumbered)
        assert ledger.attempts.claim(run, 9) == []
        newcomer, *_, held = outcomes(ledger, run)
        assert "sent was 10 SGD to +6595123010, the list now says 10 SGD to +6595123040." in newcomer.note
        assert held.state is RowState.REFUSED
        assert held.problems[0].may_be_paid
        assert held.problems[0].message.startswith(
            "Line 4, since changed in the list, was already sent product 6418 for +6595123030."
        )
    start(ledger, [*numbered(row, 10, 20, 30), row(40, line=5, identity="reference:4")])
    assert [attempt.request for attempt in ledger.attempts.claim(run, 9)] == [row(40).request]


def test_no_pending_or_failed_row_pays_the_credit_party_of_a_renumbered_sent_row(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, numbered(row, 10, 20, 30))
    paid, failed, released = ledger.attempts.claim(run, 9)
    ledger.attempts.record(
        [
            move(paid, RowState.IN_FLIGHT, RowState.COMPLETED),
            move(failed, RowState.IN_FLIGHT, RowState.FAILED),
            move(released, RowState.IN_FLIGHT, RowState.PENDING),
        ]
    )
    start(ledger, numbered(row, 20, 10, 10))
    assert ledger.retries.choose(run, RetryChoice()) == (0, {})
    assert ledger.attempts.claim(run, 9) == []
    start(ledger, numbered(row, 10, 20, 30))
    assert ledger.retries.choose(run, RetryChoice())[0] == len(ledger.attempts.claim(run, 9)) == 1


def test_a_sent_row_that_the_checks_refuse_now_still_blocks_payments_to_its_credit_party(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, numbered(row, 10))
    bring(run, RowState.COMPLETED)
    beside = row(10, line=9, identity="reference:2")
    assert (
        differ(
            ledger, run, [row(10, "5000", identity="reference:1", refused="Out of range."), beside]
        ).possible_duplicates
        == 0
    )
    nobody = row(10, identity="reference:1", refused="No number.", credit_party=None)
    assert differ(ledger, run, [nobody, beside]).possible_duplicates == 1


def test_the_same_list_with_another_product_pays_no_row_again(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.COMPLETED)
    start(ledger, [row(1, identity="another:1", product_id=4520), row(2, identity="another:2", product_id=4520)])
    assert [attempt.request for attempt in ledger.attempts.claim(run, 9)] == [row(2).request]
    [held] = [outcome for outcome in outcomes(ledger, run) if outcome.state is RowState.REFUSED]
    assert "pay this one on purpose in another run with --run-key" in held.problems[0].message


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [
        ({"account_number": "77"}, {"account_number": "77"}, True),
        ({"account_number": "77", "account_qualifier": "home"}, {"account_number": "77"}, False),
        ({"account_number": "77"}, {"account_number": "77", "mobile_number": "+6595123001"}, True),
        ({"account_number": "77", "mobile_number": "+6595123001"}, {"mobile_number": "+6595123001"}, True),
        ({"account_number": "77", "mobile_number": "+6595123001"}, {"account_number": "78"}, False),
        ({"mobile_number": "77"}, {"account_number": "77"}, False),
    ],
)
def test_a_credit_party_is_identified_by_mobile_number_or_by_account_and_qualifier(
    ledger: LedgerStore,
    row: MakeRow,
    start: Start,
    bring: Callable[[Run, RowState], Attempt],
    before: dict[str, str],
    after: dict[str, str],
    is_held: bool,
) -> None:
    def crediting(identifier: dict[str, str], identity: str) -> CheckedRow:
        request = json.dumps({"product_id": 6418, "credit_party_identifier": identifier}).encode()
        party = identifier.get("mobile_number") or identifier["account_number"]
        line = 2 + (identity == "reference:B")
        return row(1, line=line, identity=identity, credit_party=party, request=request)

    run = start(ledger, [crediting(before, "reference:A")])
    bring(run, RowState.COMPLETED)
    assert differ(ledger, run, [crediting(after, "reference:B")]).possible_duplicates == is_held
    renamed = [crediting(after, "reference:B"), crediting({"account_number": "99"}, "reference:A")]
    assert differ(ledger, run, renamed).possible_duplicates == is_held


def test_a_sent_row_that_has_another_product_or_account_now_still_blocks_what_was_sent(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    def with_account(account: str, **changes: object) -> CheckedRow:
        identifier = {"mobile_number": "+6595123001", "account_number": account}
        return row(1, request=json.dumps({"credit_party_identifier": identifier}).encode(), **changes)

    sent = with_account("77", identity="reference:A")
    run = start(ledger, [sent])
    bring(run, RowState.COMPLETED)
    beside = with_account("77", line=9, identity="reference:B")
    assert differ(ledger, run, [sent, beside]).possible_duplicates == 0
    assert (
        differ(ledger, run, [with_account("77", identity="reference:A", product_id=4520), beside]).possible_duplicates
        == 1
    )
    assert differ(ledger, run, [with_account("78", identity="reference:A"), beside]).possible_duplicates == 1


def test_only_the_same_credit_party_of_the_same_run_is_a_possible_duplicate(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1, identity="reference:A")])
    bring(run, RowState.COMPLETED)
    assert differ(ledger, run, [row(2, identity="reference:C")]).possible_duplicates == 0
    december = start(ledger, [row(1, identity="reference:D")], run_key="2026-12")
    assert len(ledger.attempts.claim(december, 9)) == 1
    failed = start(ledger, [row(3, identity="reference:E")], run_key="2027-01")
    bring(failed, RowState.FAILED)
    assert differ(ledger, failed, [row(3, identity="reference:F")]).possible_duplicates == 0


def test_rows_without_a_credit_party_differ_by_reference_alone(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    nobody = {"credit_party": None, "request": b'{"product_id": 7000}'}
    run = start(ledger, [row(1, identity="reference:V-1", **nobody)])
    bring(run, RowState.COMPLETED)
    start(ledger, [row(1, identity="reference:V-2", **nobody)])
    assert len(ledger.attempts.claim(run, 9)) == 1


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
    assert differ(ledger, run, staged) == MergePreview(
        new=1,
        waiting=2,
        completed=2,
        failed=1,
        open=2,
        needs_review=2,
        changed_after_sending=1,
        removed_from_list=1,
        costs={"USD": Decimal("16.5000000005")},
    )
    assert differ(ledger, None, [row(1), row(2, refused="No.")]) == MergePreview(new=1, costs={"USD": Decimal(5)})


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
