"""Each resource of the client against the sandbox, async and blocking."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from inspect import signature
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bulk_topup.dvs import DVS, AsyncDVS, BadRequestError, ErrorCode, NotFoundError, resources
from bulk_topup.dvs.blocking import Transactions
from bulk_topup.dvs.models.base import Amount, CalculationMode
from bulk_topup.dvs.models.catalogue import Service
from bulk_topup.dvs.models.product import FixedValuePinPurchase, RangedValueRecharge
from bulk_topup.dvs.models.transaction import (
    Party,
    Person,
    StatementIdentifier,
    Transaction,
    TransactionOutcome,
    TransactionRequest,
)
from bulk_topup.dvs.resources.transactions import LONGEST_WINDOW, MICROSECOND, rfc3339, windows

pytestmark = pytest.mark.anyio


@pytest.fixture
def dvs(sandbox: Any, credentials: tuple[str, str]) -> AsyncDVS:
    return AsyncDVS(sandbox.base_url, *credentials, rate=1000)


@pytest.fixture
def blocking(sandbox: Any, credentials: tuple[str, str]) -> Iterator[DVS]:
    with DVS(sandbox.base_url, *credentials, rate=1000) as dvs:
        yield dvs


def _request(external_id: str, **other: Any) -> TransactionRequest:
    values: dict[str, Any] = {
        "external_id": external_id,
        "product_id": 6418,
        "calculation_mode": CalculationMode.DESTINATION_AMOUNT,
        "destination": Amount(unit="SGD", amount=Decimal("7.50")),
        "credit_party_identifier": Party(mobile_number="+6595123500"),
    }
    return TransactionRequest(**{**values, **other})


async def test_a_transaction_is_created_confirmed_found_and_paid(dvs: AsyncDVS) -> None:
    async with dvs:
        created = await dvs.transactions.create_async(_request("one"))
        assert created.status.message == "CREATED"
        assert created.prices is not None
        assert created.prices.wholesale.amount == Decimal("5.57")
        assert created.requested_values is not None
        assert created.requested_values.destination == Amount(unit="SGD", amount=Decimal("7.5"))
        confirmed = await dvs.transactions.confirm_async(created.id)
        assert confirmed.id == created.id
        assert [found.id async for found in dvs.transactions.list(external_id="one")] == [created.id]
        assert (await dvs.transactions.get(created.id)).external_id == "one"


async def test_a_group_without_fields_is_left_out(dvs: AsyncDVS) -> None:
    empty = _request("one", sender=Person(), beneficiary=Person(), statement_identifier=StatementIdentifier())
    async with dvs:
        created = await dvs.transactions.create_async(empty)
        assert (await dvs.transactions.create_sync(empty.model_copy(update={"external_id": "two"}))).sender is None
        with pytest.raises(BadRequestError, match="sender requires a field"):
            await dvs.transactions.create_async({**empty.model_dump(exclude_none=True), "external_id": "three"})
    assert created.sender is None
    assert created.product.type == "RANGED_VALUE_RECHARGE"


async def test_products_are_sorted_and_a_subservice_needs_its_service(dvs: AsyncDVS) -> None:
    async with dvs:
        found = [product.id async for product in dvs.products.list(service_id=13, sort=["-amount", "name"])]
        assert found == [9565, 9550, 9560]
        for resource in (dvs.products, dvs.countries, dvs.operators):
            with pytest.raises(ValueError, match="Add service_id"):
                resource.list(subservice_id=11)


async def test_a_cancelled_transaction_gives_its_price_back(dvs: AsyncDVS) -> None:
    async with dvs:
        created = await dvs.transactions.create_async(_request("one"))
        [held] = [balance async for balance in dvs.balances.list(unit="USD")]
        assert held.holding == Decimal("5.57")
        assert (await dvs.transactions.cancel(created.id)).status.message == "CANCELLED"
        [released] = [balance async for balance in dvs.balances.list(unit="USD")]
        assert (released.available, released.holding) == (Decimal(100_000), Decimal(0))
        with pytest.raises(BadRequestError) as caught:
            await dvs.transactions.cancel(created.id)
        assert caught.value.has_code(ErrorCode.ALREADY_CANCELLED)


async def test_lists_give_single_pages_with_their_totals_and_everything_when_iterated(dvs: AsyncDVS) -> None:
    async with dvs:
        for number in range(120):
            await dvs.transactions.create_async(_request(f"n-{number}"))
        page = await dvs.transactions.list().page(2)
        assert (page.number, page.per_page, page.total, page.total_pages, page.is_last) == (2, 100, 120, 2, True)
        found = [transaction.external_id async for transaction in dvs.transactions.list()]
        assert sorted(found) == sorted(f"n-{number}" for number in range(120))


async def test_a_list_over_days_is_read_window_by_window(dvs: AsyncDVS) -> None:
    now = datetime.now(UTC)
    async with dvs:
        for number in range(3):
            await dvs.transactions.create_async(_request(f"n-{number}"))
        before = dvs.traffic.requests
        listing = dvs.transactions.list(from_date=now - timedelta(days=3), to_date=now + timedelta(days=1))
        assert len([transaction async for transaction in listing]) == 3
        assert dvs.traffic.requests - before == 5
        with pytest.raises(ValueError, match="This list has 5 parts"):
            await listing.page(1)


async def test_a_missing_entry_is_not_found(dvs: AsyncDVS) -> None:
    async with dvs:
        for call, code in (
            (dvs.products.get(1), ErrorCode.PRODUCT_NOT_AVAILABLE),
            (dvs.transactions.get(1), ErrorCode.TRANSACTION_NOT_FOUND),
            (dvs.services.get(99), ErrorCode.SERVICE_NOT_FOUND),
            (dvs.countries.get("XXX"), ErrorCode.COUNTRY_NOT_FOUND),
            (dvs.operators.get(99), ErrorCode.OPERATOR_NOT_FOUND),
        ):
            with pytest.raises(NotFoundError) as caught:
                await call
            assert caught.value.has_code(code)
        assert [found async for found in dvs.transactions.list(external_id="none")] == []
        assert [found async for found in dvs.balances.list(unit="XXX")] == []


async def test_the_catalogue_is_listed_and_filtered(dvs: AsyncDVS) -> None:
    async with dvs:
        assert [service.name async for service in dvs.services.list()][:2] == ["Mobile", "Utilities"]
        assert (await dvs.services.get(1)).subservices is not None
        assert (await dvs.countries.get("MEX")).name == "Mexico"
        assert "SGP" in [country.iso_code async for country in dvs.countries.list(service_id=1)]
        assert {operator.id async for operator in dvs.operators.list(country_iso_code="SGP")} == {1310, 1311}
        assert (await dvs.operators.get(1596)).country.iso_code == "MEX"
        assert "CREDITS" in [benefit_type.name async for benefit_type in dvs.benefit_types.list()]
        [product] = [found async for found in dvs.products.list(operator_id=1596)]
        assert isinstance(product, RangedValueRecharge)
        assert product.destination.amount.max == 500
        assert isinstance(await dvs.products.get(8803), FixedValuePinPurchase)
        assert {found.id async for found in dvs.products.list(benefit_types=["SMS", "DATA"])} >= {5021}


@pytest.mark.parametrize("post", [False, True])
async def test_a_numbers_operator_is_identified(dvs: AsyncDVS, post: bool) -> None:
    async with dvs:
        operators = [found async for found in dvs.lookup.mobile_number("+6595123500", post=post)]
    assert [operator.id for operator in operators if operator.identified] == [1310]
    assert len(operators) == 2


def test_the_blocking_client_does_the_same(blocking: DVS) -> None:
    assert [product.id for product in blocking.products.list(country_iso_code="SGP")] == [6418, 6430]
    created = blocking.transactions.create_async(_request("one"))
    assert blocking.transactions.get(created.id).id == created.id
    page = blocking.transactions.list(external_id="one").page()
    assert (page.total, page.items[0].id) == (1, created.id)
    assert blocking.transactions.cancel(created.id).status.message == "CANCELLED"
    assert [balance.holding for balance in blocking.balances.list(unit="USD")] == [0]
    with pytest.raises(NotFoundError):
        blocking.operators.get(99)


def test_the_blocking_client_can_leave_a_list_in_the_middle(blocking: DVS) -> None:
    assert next(iter(blocking.products.list())).id == 3411
    assert blocking.services.get(1).name == "Mobile"


def test_the_blocking_client_documents_itself_as_the_async_one() -> None:
    assert "1007001" in (Transactions.create_async.__doc__ or "")
    assert Transactions.create_async.__doc__ == resources.Transactions.create_async.__doc__


times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(times, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_windows_cover_a_span_without_gap_or_overlap_and_none_is_too_long(start: datetime, span: timedelta) -> None:
    found = windows(start, start + span)
    assert (found[0][0], found[-1][1]) == (start, start + span)
    for (_, end), (following, _) in pairwise(found):
        assert end is not None
        assert following == end + MICROSECOND
    for begin, end in found:
        assert begin is not None
        assert end is not None
        assert begin <= end < begin + LONGEST_WINDOW


def test_a_span_that_ends_before_its_start_is_refused() -> None:
    now = datetime.now(UTC)
    with pytest.raises(ValueError, match="is before from_date"):
        windows(now, now - timedelta(seconds=1))


def test_times_are_written_in_utc_through_their_last_nanosecond_and_never_without_a_zone() -> None:
    moment = datetime(2026, 11, 24, 20, 5, 5, 883561, tzinfo=UTC)
    assert rfc3339(moment) == "2026-11-24T20:05:05.883561000Z"
    assert rfc3339(moment, through=True) == "2026-11-24T20:05:05.883561999Z"
    with pytest.raises(ValueError, match="has no time zone"):
        rfc3339(moment.replace(tzinfo=None))


async def test_an_outcome_is_read_whatever_else_a_transaction_says(dvs: AsyncDVS) -> None:
    async with dvs:
        created = await dvs.transactions.create_async(_request("one"))
        fetched = await dvs.transaction_outcomes.get(created.id)
    assert (fetched.id, fetched.external_id) == (created.id, "one")
    odd = created.model_dump(mode="json", by_alias=True) | {"benefits": "?", "rates": [1], "sender": 7}
    odd["product"] |= {"operator": None, "service": "?"}
    outcome = TransactionOutcome.model_validate(odd)
    assert (outcome.id, outcome.external_id, outcome.status) == (created.id, "one", created.status)
    with pytest.raises(ValidationError):
        Transaction.model_validate(odd)


async def test_a_body_in_plain_values_is_sent_unchanged(dvs: AsyncDVS) -> None:
    body = _request("plain").model_dump(exclude_none=True)
    async with dvs:
        created = await dvs.transaction_outcomes.create_async(body)
        assert (await dvs.transactions.get(created.id)).external_id == "plain"


def _public(object_: object) -> set[str]:
    return {name for name in dir(object_) if not name.startswith("_")}


def test_the_blocking_client_has_all_that_the_async_one_has(blocking: DVS, credentials: tuple[str, str]) -> None:
    client = AsyncDVS("http://127.0.0.1:9/v1", *credentials)
    assert _public(client) <= _public(blocking)
    options = signature(AsyncDVS).parameters
    assert {name: each.default for name, each in options.items()} == {
        name: each.default for name, each in signature(DVS).parameters.items()
    }
    for name in _public(client):
        there, here = getattr(client, name), getattr(blocking, name)
        assert callable(there) == callable(here)
        if type(there).__module__.startswith("bulk_topup.dvs.resources"):
            assert _public(there) == _public(here)
            for method in _public(there):
                assert signature(getattr(there, method)) == signature(getattr(here, method))
    listed, pages = client.products.list(), blocking.products.list()
    assert _public(listed) <= _public(pages)
    assert list(signature(listed.pages).parameters) == list(signature(pages.pages).parameters)


def test_the_blocking_client_probes_sends_requests_and_tells_what_it_met(blocking: DVS) -> None:
    tries: list[str] = []
    blocking.on_try = lambda _method, path, _status, _seconds: tries.append(path)
    assert blocking.probe().status_code == 200
    assert blocking.request("GET", "/services/1", TypeAdapter(Service)).id == 1
    assert blocking.pages("/services", TypeAdapter(Service)).page().items[0].id == 1
    assert blocking.transaction_outcomes.find("nobody") == (None, 0)
    assert tries == ["/services/1", "/services", "/transactions"]
    assert (blocking.traffic.requests, blocking.limiter.rate) == (4, 1000)


@pytest.mark.parametrize("number", [1, 2, 100])
async def test_the_entries_of_a_page_can_be_set(dvs: AsyncDVS, number: int) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    async with dvs:
        everything = [each.id async for each in dvs.products.list()]
        pages = [page async for page in dvs.products.list().per_page(number).pages()]
        in_parts = dvs.transactions.list(from_date=start, to_date=start + timedelta(days=3)).per_page(number)
        assert [each async for each in in_parts] == []
    assert [each.id for page in pages for each in page.items] == everything
    assert {page.per_page for page in pages} == {number}
    assert len(pages) == -(-len(everything) // number)


@pytest.mark.parametrize("number", [0, -1, 101])
async def test_a_page_has_1_to_100_entries(dvs: AsyncDVS, number: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        dvs.products.list().per_page(number)


def test_the_blocking_client_sets_the_entries_of_a_page_and_reads_several_pages_at_once(blocking: DVS) -> None:
    pages = list(blocking.products.list().per_page(1).pages(at_once=4))
    assert len(pages) == len(list(blocking.products.list()))
