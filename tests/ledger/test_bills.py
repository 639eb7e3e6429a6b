"""Rows whose amounts were asked for: too old ones are not sent, and no bill is paid by two runs."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import account_key
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.row_mapping import utc_text
from tests.conftest import HandClock
from tests.helpers.checked_rows import CheckedRow

ACCOUNT = "30294429610"
Make = Callable[..., CheckedRow]


@pytest.fixture
def bill(row: Make, clock: HandClock) -> Make:
    """Return a function that creates a row whose amount was asked for, for a bill of the account."""

    def make(
        reference: str | None = "INV-1", amount: str = "70", *, number: str = ACCOUNT, **changes: object
    ) -> CheckedRow:
        request = {
            "product_id": 9105,
            "destination": {"unit_type": "CURRENCY", "unit": "KES", "amount": amount},
            "credit_party_identifier": {"account_number": number},
        }
        if reference is not None:
            request["statement_identifier"] = {"reference": reference}
        values = {
            "identity": f"party:{number}",
            "product_id": 9105,
            "operator_id": 3105,
            "credit_party": number,
            "party_key": account_key(number),
            "unit": "KES",
            "request": json.dumps(request).encode(),
            "amount_until": utc_text(clock.now() + timedelta(hours=1)),
        }
        return row(1, amount, **{**values, **changes})

    return make


def test_an_amount_that_is_too_old_is_not_claimed(
    ledger: LedgerStore, clock: HandClock, start: Callable[..., Run], row: Make, bill: Make
) -> None:
    run = start(ledger, [bill(), row(2)])
    clock.seconds += 3_600
    assert ledger.attempts.pending(run) == (2, None)
    assert ledger.attempts.outdated(run) == 0
    clock.seconds += 1
    assert ledger.attempts.pending(run) == (1, None)
    assert ledger.attempts.outdated(run) == 1
    [attempt] = ledger.attempts.claim(run, 10)
    assert b"6418" in attempt.request
    # Once it was asked for again, it is.
    start(ledger, [bill("INV-1", "75"), row(2)])
    [attempt] = ledger.attempts.claim(run, 10)
    assert attempt.amount == 75


@pytest.mark.parametrize(
    ("reference", "number", "is_claimed"),
    [("INV-1", ACCOUNT, False), ("inv 1", ACCOUNT, False), ("INV-1", f"0{ACCOUNT}", False), ("INV-2", ACCOUNT, True)],
)
def test_a_bill_that_another_run_has_sent_meanwhile_is_not_claimed(
    reference: str,
    number: str,
    is_claimed: bool,
    ledger: LedgerStore,
    start: Callable[..., Run],
    bill: Make,
) -> None:
    first = start(ledger, [bill(reference, "71", number=number)], run_key="first")
    second = start(ledger, [bill()], run_key="second")
    assert len(ledger.attempts.claim(first, 10)) == 1
    assert len(ledger.attempts.claim(second, 10)) == is_claimed
    state = RowState.IN_FLIGHT if is_claimed else RowState.REFUSED
    assert ledger.rows.counts(second)[state] == 1


@pytest.mark.parametrize(("reference", "is_claimed"), [("INV-1", False), ("inv 1", False), ("INV-2", True)])
def test_a_bill_that_was_asked_for_is_not_paid_with_an_amount_of_a_list_either(
    reference: str, is_claimed: bool, ledger: LedgerStore, start: Callable[..., Run], bill: Make
) -> None:
    key = account_key(ACCOUNT, bill=reference)
    named = bill(reference, "90", amount_until=None, party_key=key)
    second = start(ledger, [named], run_key="second")
    first = start(ledger, [bill()], run_key="first")
    assert len(ledger.attempts.claim(first, 10)) == 1
    assert len(ledger.attempts.claim(second, 10)) == is_claimed


@pytest.mark.parametrize(("reference", "is_claimed"), [("INV-1", False), (None, False), ("INV-2", True)])
def test_a_bill_that_another_row_of_its_run_has_sent_is_not_claimed(
    reference: str | None,
    is_claimed: bool,
    ledger: LedgerStore,
    start: Callable[..., Run],
    bill: Make,
    move: Callable[..., Move],
) -> None:
    rows = [bill(identity="reference:1"), bill(reference, "71", identity="reference:2", line=9)]
    run = start(ledger, rows)
    [first] = ledger.attempts.claim(run, 2)
    ledger.attempts.record([move(first, RowState.IN_FLIGHT, RowState.ACCEPTED)])
    assert len(ledger.attempts.claim(run, 2)) == is_claimed
    assert ledger.rows.counts(run)[RowState.REFUSED] == (not is_claimed)


def test_a_bill_whose_payment_failed_is_claimed_by_another_run(
    ledger: LedgerStore,
    start: Callable[..., Run],
    bill: Make,
    bring: Callable[[Run, RowState], Attempt],
) -> None:
    first = start(ledger, [bill()], run_key="first")
    bring(first, RowState.FAILED)
    second = start(ledger, [bill(amount="75")], run_key="second")
    assert len(ledger.attempts.claim(second, 10)) == 1


def test_what_a_run_sent_is_found_by_the_account(
    ledger: LedgerStore, start: Callable[..., Run], bill: Make, row: Make
) -> None:
    run = start(ledger, [bill(), row(2)])
    key = account_key(ACCOUNT)
    assert ledger.bills.sent(run, [key]) == {}
    ledger.attempts.claim(run, 1)
    sent = ledger.bills.sent(run, [key])[key, 9105]
    assert (sent.amount, sent.reference, sent.due) == ("70", "INV-1", None)
    assert ledger.bills.sent(run, [account_key("other")]) == {}
