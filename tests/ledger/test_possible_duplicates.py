"""Possible duplicates: rows that may repeat a payment of a row that the list no longer has in that form."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import account_key, party_key
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import MergePreview
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow
from tests.helpers.staged_lists import outcomes, preview

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]

#: States of rows that were sent and are not known to have failed.
SENT = [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED, RowState.CONFLICT]


def test_the_same_payment_under_another_reference_is_a_possible_duplicate(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1, identity="reference:E-1")])
    bring(run, RowState.COMPLETED)
    renamed = [row(1, identity="reference:E-01"), row(2)]
    difference = preview(ledger, run, renamed)
    assert (difference.possible_duplicates, difference.new, difference.removed_from_list) == (1, 1, 1)
    assert difference.costs == {"USD": Decimal(5)}
    start(ledger, renamed)
    gone, held, new = sorted(outcomes(ledger, run), key=lambda outcome: (outcome.credit_party, -outcome.attempt))
    assert (gone.state, held.state, new.state) == ("completed", "refused", "pending")
    assert held.problems[0].message == (
        "Line 3 of an earlier version of this list, since removed, was already sent product 6418 for "
        "+6595123001. Restore that line, or pay this one on purpose in another run with --run-key and --pay-again."
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
    assert preview(ledger, run, equals[:1]) == MergePreview(completed=1, removed_from_list=1, known=1, shared=1)
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
        difference = preview(ledger, run, renumbered)
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
        preview(
            ledger, run, [row(10, "5000", identity="reference:1", refused="Out of range."), beside]
        ).possible_duplicates
        == 0
    )
    nobody = row(10, identity="reference:1", refused="No number.", credit_party=None, party_key=None)
    assert preview(ledger, run, [nobody, beside]).possible_duplicates == 1


def test_the_same_list_with_another_product_pays_no_row_again(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1)])
    bring(run, RowState.COMPLETED)
    start(ledger, [row(1, identity="another:1", product_id=4520), row(2, identity="another:2", product_id=4520)])
    assert [attempt.request for attempt in ledger.attempts.claim(run, 9)] == [row(2).request]
    [held] = [outcome for outcome in outcomes(ledger, run) if outcome.state is RowState.REFUSED]
    assert "pay this one on purpose in another run with --run-key and --pay-again" in held.problems[0].message


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
        mobile, account, qualifier = map(identifier.get, ("mobile_number", "account_number", "account_qualifier"))
        key = party_key(mobile, account, qualifier, None)
        return row(1, line=line, identity=identity, credit_party=party, request=request, party_key=key)

    run = start(ledger, [crediting(before, "reference:A")])
    bring(run, RowState.COMPLETED)
    assert preview(ledger, run, [crediting(after, "reference:B")]).possible_duplicates == is_held
    renamed = [crediting(after, "reference:B"), crediting({"account_number": "99"}, "reference:A")]
    assert preview(ledger, run, renamed).possible_duplicates == is_held


def test_a_sent_row_that_has_another_product_or_account_now_still_blocks_what_was_sent(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    def with_account(account: str, **changes: object) -> CheckedRow:
        identifier = {"mobile_number": "+6595123001", "account_number": account}
        request = json.dumps({"credit_party_identifier": identifier}).encode()
        return row(1, request=request, party_key=account_key(account), **changes)

    sent = with_account("77", identity="reference:A")
    run = start(ledger, [sent])
    bring(run, RowState.COMPLETED)
    beside = with_account("77", line=9, identity="reference:B")
    assert preview(ledger, run, [sent, beside]).possible_duplicates == 0
    assert (
        preview(ledger, run, [with_account("77", identity="reference:A", product_id=4520), beside]).possible_duplicates
        == 1
    )
    assert preview(ledger, run, [with_account("78", identity="reference:A"), beside]).possible_duplicates == 1


def test_only_the_same_credit_party_of_the_same_run_is_a_possible_duplicate(
    ledger: LedgerStore, row: MakeRow, start: Start, bring: Callable[[Run, RowState], Attempt]
) -> None:
    run = start(ledger, [row(1, identity="reference:A")])
    bring(run, RowState.COMPLETED)
    assert preview(ledger, run, [row(2, identity="reference:C")]).possible_duplicates == 0
    december = start(ledger, [row(1, "11", identity="reference:D")], run_key="2026-12")
    assert len(ledger.attempts.claim(december, 9)) == 1
    failed = start(ledger, [row(3, identity="reference:E")], run_key="2027-01")
    bring(failed, RowState.FAILED)
    assert preview(ledger, failed, [row(3, identity="reference:F")]).possible_duplicates == 0
