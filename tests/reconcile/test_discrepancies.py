"""The ledger's attempts compared with DVS's transactions: the kinds of discrepancies, and figures that add up."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.attempt import Attempt, KnownAttempt, Resolution
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.reconcile.discrepancies import (
    Discrepancy,
    DiscrepancyKind,
    compare,
    missing_here,
    missing_there,
)
from bulk_topup.reconcile.figures import Figures, dvs_entry, ledger_entry

Make = Callable[..., Transaction]

STATES = {
    RowState.COMPLETED: StatusClass.COMPLETED,
    RowState.ACCEPTED: StatusClass.SUBMITTED,
    RowState.FAILED: StatusClass.DECLINED,
    RowState.REVERSED: StatusClass.REVERSED,
}


def _known(attempt: Attempt, state: RowState = RowState.COMPLETED, **changes: Any) -> KnownAttempt:
    values: dict[str, Any] = {
        "attempt": attempt,
        "run_id": 1,
        "run": "list/pay",
        "line": 2,
        "is_latest": True,
        "state": state,
        "message": "",
        "transaction_id": 2237512891,
        "status_message": STATES[state].name if state in STATES else None,
        "price": Decimal("7.41"),
        "fee": Decimal(0),
        "price_unit": "USD",
        "resolution": None,
    }
    return KnownAttempt(**{**values, **changes})


@pytest.mark.parametrize("state", STATES)
def test_equal_records_are_no_discrepancy(attempt: Attempt, transaction: Make, state: RowState) -> None:
    assert compare(_known(attempt, state), transaction(STATES[state])) == []


@pytest.mark.parametrize(
    ("changes", "other", "kind"),
    [
        ({}, {"class_": StatusClass.REVERSED}, DiscrepancyKind.REVERSED_LATER),
        ({}, {"class_": StatusClass.DECLINED}, DiscrepancyKind.DIFFERENT_STATUS),
        ({"state": RowState.ACCEPTED}, {}, DiscrepancyKind.DIFFERENT_STATUS),
        ({"state": RowState.FAILED, "transaction_id": None}, {}, DiscrepancyKind.DIFFERENT_STATUS),
        ({"state": RowState.IN_FLIGHT, "transaction_id": None}, {}, DiscrepancyKind.IN_FLIGHT_FOUND),
        ({"state": RowState.CONFLICT}, {}, DiscrepancyKind.CONFLICT),
        ({"state": RowState.FAILED, "is_latest": False}, {}, DiscrepancyKind.EARLIER_ATTEMPT),
        ({"transaction_id": 5}, {}, DiscrepancyKind.OTHER_TRANSACTION),
        ({"transaction_id": None, "price": None}, {"price": Decimal(0)}, DiscrepancyKind.OTHER_TRANSACTION),
        ({"price": Decimal(7)}, {}, DiscrepancyKind.DIFFERENT_PRICE),
        ({"price": None}, {}, DiscrepancyKind.DIFFERENT_PRICE),
        ({"price": None}, {"prices": None}, DiscrepancyKind.CHARGE_UNKNOWN),
        ({}, {"prices": None}, DiscrepancyKind.DIFFERENT_PRICE),
        ({}, {"product": {"id": 1}}, DiscrepancyKind.DIFFERENT_REQUEST),
        ({}, {"credit_party_identifier": {"mobile_number": "+6595123999"}}, DiscrepancyKind.DIFFERENT_REQUEST),
        ({}, {"requested_values": {"destination": {"unit": "SGD", "amount": 9}}}, DiscrepancyKind.DIFFERENT_REQUEST),
    ],
)
def test_each_discrepancy_has_its_kind(
    attempt: Attempt, transaction: Make, changes: dict[str, Any], other: dict[str, Any], kind: DiscrepancyKind
) -> None:
    found = compare(_known(attempt, **changes), transaction(**{"class_": StatusClass.COMPLETED, **other}))
    assert [discrepancy.kind for discrepancy in found] == [kind]
    assert found[0].message.startswith("list/pay line 2, ")


def test_an_amount_that_a_person_accepted_is_no_discrepancy(attempt: Attempt, transaction: Make) -> None:
    known = _known(attempt, resolution=Resolution.ACCEPTED)
    values = {"destination": {"unit": "SGD", "amount": 9}}
    assert compare(known, transaction(StatusClass.COMPLETED, requested_values=values)) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, DiscrepancyKind.MISSING_THERE),
        ({"state": RowState.ACCEPTED}, DiscrepancyKind.MISSING_THERE),
        ({"state": RowState.REVERSED}, DiscrepancyKind.MISSING_THERE),
        ({"state": RowState.IN_FLIGHT, "transaction_id": None}, DiscrepancyKind.IN_FLIGHT),
        ({"state": RowState.CONFLICT, "transaction_id": None}, DiscrepancyKind.CONFLICT),
        ({"state": RowState.FAILED, "transaction_id": None}, None),
        ({"state": RowState.FAILED, "resolution": Resolution.FREE}, None),
    ],
)
def test_each_attempt_that_dvs_does_not_list_has_its_kind(
    attempt: Attempt, changes: dict[str, Any], kind: DiscrepancyKind | None
) -> None:
    found = missing_there(_known(attempt, **changes))
    assert (None if found is None else found.kind) == kind


_amounts = st.decimals(min_value=0, max_value=10**6, places=2)
_here = st.fixed_dictionaries(
    {
        "state": st.sampled_from(RowState).filter(lambda state: state not in {RowState.REFUSED, RowState.PENDING}),
        "is_latest": st.booleans(),
        "transaction_id": st.sampled_from([2237512891, 5, None]),
        "price": st.none() | _amounts,
        "price_unit": st.sampled_from(["USD", "EUR"]),
        "resolution": st.sampled_from([None, *Resolution]),
    }
)
_there = st.fixed_dictionaries(
    {
        "class_": st.sampled_from(StatusClass),
        "product": st.sampled_from([{"id": 6418}, {"id": 1}]),
        "price": _amounts,
        "asked": st.none() | st.sampled_from([Decimal(10), Decimal(9)]),
    }
)


@given(
    pairs=st.lists(st.tuples(st.none() | _here, st.none() | _there), max_size=8),
    is_fixed=st.booleans(),
)
def test_the_ledgers_figures_with_every_discrepancy_applied_are_those_of_dvs(
    make_pair: Callable[..., tuple[KnownAttempt | None, Transaction | None]],
    pairs: list[tuple[dict[str, Any] | None, dict[str, Any] | None]],
    is_fixed: bool,
) -> None:
    here, there = Figures(), Figures()
    discrepancies: list[Discrepancy] = []
    for known, listed in (make_pair(*pair, is_fixed=is_fixed) for pair in pairs):
        if known is not None:
            here.add(ledger_entry(known, is_listed=listed is not None))
        if listed is not None:
            there.add(dvs_entry(listed, known))
        if known is not None and listed is not None:
            discrepancies += compare(known, listed)
        elif known is not None:
            discrepancy = missing_there(known)
            discrepancies += [] if discrepancy is None else [discrepancy]
        elif listed is not None:
            discrepancies.append(missing_here(listed))
    assert _apply(here, discrepancies) == there
    if not discrepancies:
        assert here == there


def _apply(here: Figures, discrepancies: Iterable[Discrepancy]) -> Figures:
    """Return the ledger's figures with every discrepancy applied."""
    result = Figures(
        transactions=here.transactions, asked=dict(here.asked), charged=dict(here.charged), held=dict(here.held)
    )
    for discrepancy in discrepancies:
        result.add(discrepancy.here, -1)
        result.add(discrepancy.there)
    return result


@pytest.fixture(scope="session")
def make_pair() -> Callable[..., tuple[KnownAttempt | None, Transaction | None]]:
    """Return a function that makes an attempt and a transaction with one external ID, or only one of the two."""

    def make(
        here: dict[str, Any] | None, there: dict[str, Any] | None, *, is_fixed: bool
    ) -> tuple[KnownAttempt | None, Transaction | None]:
        amount = {"unit_type": "CURRENCY", "unit": "SGD", "amount": 10}
        request: dict[str, Any] = {"product_id": 6418, **({} if is_fixed else {"destination": amount})}
        attempt = Attempt(
            row_id=1, number=1, external_id="x", request=codec.encode(request), amount=Decimal(10), unit="SGD"
        )
        # Without a transaction there is no status of one.
        status: dict[str, Any] = {"status_message": None} if here and here["transaction_id"] is None else {}
        known = None if here is None else _known(attempt, **here, **status)
        if there is None:
            return known, None
        class_ = there["class_"]
        values = {
            "id": 2237512891,
            "external_id": "x",
            "creation_date": "2026-11-24T20:05:05Z",
            "status": {"id": 1, "message": class_.name, "class": {"id": int(class_), "message": class_.name}},
            "product": there["product"],
            "prices": {"wholesale": {"unit": "USD", "amount": there["price"], "fee": Decimal("0.1")}},
            "requested_values": there["asked"] and {"destination": {"unit": "SGD", "amount": there["asked"]}},
        }
        return known, Transaction.model_validate(values)

    return make
