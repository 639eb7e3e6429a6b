"""Every request of the client matches the description, recorded between client and sandbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httptools
import pytest

from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.base import Amount, CalculationMode
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.dvs.models.transaction import (
    AdditionalIdentifier,
    Party,
    Person,
    StatementIdentifier,
    TransactionRequest,
)
from bulk_topup.sandbox import EmbeddedSandbox

MOBILE = Party(mobile_number="+6595123100")
METER = Party(account_number="30294429610", account_qualifier="PREPAID")
ESIM = Party(account_number="8944500", account_qualifier="ICCID")
PERSON = Person(
    last_name="Holt",
    first_name="Cleo",
    middle_name="May",
    nationality_country_iso_code="GBR",
    mobile_number="+447700900123",
    email="cleo@example.com",
    address_text="1 Quay Street",
    address_city="Leith",
    address_country_iso_code="GBR",
    address_postal_code="EH1 1AA",
)


@dataclass
class Recorded:
    """One request, as httptools parses it."""

    method: str = ""
    target: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Reader:
    """Reads the requests of one connection."""

    def __init__(self, requests: list[Recorded]) -> None:
        self._requests = requests
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._request = Recorded()

    def on_url(self, url: bytes) -> None:
        self._request.target += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._request.body += body

    def on_message_complete(self) -> None:
        self._request.method = self._parser.get_method().decode()
        self._requests.append(self._request)


@asynccontextmanager
async def recorded(address: str) -> AsyncIterator[tuple[str, list[Recorded]]]:
    """Forward requests from another address, and record them."""
    there = urlsplit(address)
    requests: list[Recorded] = []
    connections: set[asyncio.Task[None] | None] = set()

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, reader: Reader | None) -> None:
        while data := await source.read(65_536):
            if reader:
                reader.feed(data)
            target.write(data)
            await target.drain()
        target.close()
        await target.wait_closed()

    async def connect(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        back, forth = await asyncio.open_connection(there.hostname, there.port)
        await asyncio.gather(pump(source, forth, Reader(requests)), pump(back, target, None))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1", requests
    finally:
        server.close()
        await asyncio.gather(*(connection for connection in connections if connection))


def _request(number: int, product_id: int, **more: Any) -> TransactionRequest:
    return TransactionRequest(external_id=f"requests-{number}", product_id=product_id, **more)


def _ranged(unit: str, amount: str, mode: CalculationMode = CalculationMode.DESTINATION_AMOUNT) -> dict[str, Any]:
    side = mode.partition("_")[0].lower()
    return {"calculation_mode": mode, side: Amount(unit=unit, amount=Decimal(amount))}


async def _find(dvs: AsyncDVS) -> None:
    """Send every request that only reads, with and without every filter."""
    for pages in (
        dvs.services.list(),
        dvs.services.list(country_iso_code="SGP"),
        dvs.countries.list(),
        dvs.countries.list(service_id=1, subservice_id=11),
        dvs.operators.list(),
        dvs.operators.list(country_iso_code="SGP", service_id=1, subservice_id=11),
        dvs.benefit_types.list(),
        dvs.campaigns.list(),
        dvs.campaigns.list(country_iso_code="SGP", operator_id=1310, product_id=6418),
        dvs.promotions.list(language="es"),
        dvs.promotions.list(country_iso_code="SGP", operator_id=1310, product_id=6418),
        dvs.products.list(language="fr, en;q=0.5"),
        dvs.products.list(
            type=ProductType.FIXED_VALUE_RECHARGE,
            service_id=1,
            subservice_id=12,
            tags=["DATA_BUNDLE", "TRAVEL"],
            country_iso_code="PHL",
            operator_id=1450,
            region="PHL",
            benefit_types=["DATA", "SMS"],
            sort=["-amount", "name"],
        ),
        dvs.balances.list(),
        dvs.balances.list(unit_type="CURRENCY", unit="USD"),
        dvs.lookup.mobile_number("+6595123100"),
        dvs.lookup.mobile_number("+6595123100", post=True),
        dvs.lookup.statement_inquiry(9105, "30294429610", account_qualifier="PREPAID"),
        dvs.lookup.credit_party_benefits(13, ESIM),
    ):
        await pages.page()
    await dvs.services.get(1)
    await dvs.countries.get("SGP")
    await dvs.operators.get(1310)
    await dvs.products.get(6418, language="es")
    promotion = (await dvs.promotions.list().page()).items[0]
    await dvs.promotions.get(promotion.id, language="es")
    campaign = (await dvs.campaigns.list().page()).items[0]
    await dvs.campaigns.get(campaign.id)
    await dvs.lookup.credit_party_status(13, ESIM)


async def _pay(dvs: AsyncDVS) -> None:
    """Create transactions with every field, and send every request about them."""
    created = dvs.transactions.create_async
    await created(_request(1, 3411, credit_party_identifier=MOBILE, auto_confirm=True))
    await created(
        _request(
            2,
            6418,
            credit_party_identifier=MOBILE,
            callback_url="http://127.0.0.1:9/none",
            **_ranged("USD", "5", CalculationMode.SOURCE_AMOUNT),
        )
    )
    await created(
        _request(3, 7350, credit_party_identifier=MOBILE, sender=PERSON, beneficiary=PERSON, **_ranged("NGN", "1500"))
    )
    await created(
        _request(
            4,
            9105,
            credit_party_identifier=METER,
            statement_identifier=StatementIdentifier(reference="INV-1", due_date=date(2026, 12, 31)),
            **_ranged("KES", "1500.25"),
        )
    )
    await created(
        _request(
            5,
            6610,
            credit_party_identifier=MOBILE,
            debit_party_identifier=Party(mobile_number="+442079460958"),
            additional_identifier=AdditionalIdentifier(purchaser_id="till-0042"),
            **_ranged("INR", "199"),
        )
    )
    await dvs.transactions.create_sync(_request(6, 3411, credit_party_identifier=MOBILE, callback_url="http://x/"))
    ids = [(await created(_request(number, 3411, credit_party_identifier=MOBILE))).id for number in range(7, 10)]
    await dvs.transactions.confirm_async(ids[0])
    await dvs.transactions.confirm_sync(ids[1])
    await dvs.transactions.cancel(ids[2])
    await dvs.transactions.get(ids[0])
    now = datetime.now(UTC)
    await dvs.transactions.list(external_id="requests-1").page()
    listed = dvs.transactions.list(
        product_type=ProductType.FIXED_VALUE_RECHARGE,
        service_id=1,
        subservice_id=11,
        country_iso_code="ECU",
        operator_id=1401,
        status_id=70000,
        credit_party_mobile_number="+6595123100",
        credit_party_account_number="1",
        from_date=now - timedelta(days=2),
        to_date=now,
    )
    assert [transaction async for transaction in listed] == []


def test_every_request_of_every_method_is_as_described(contract: Any, served: EmbeddedSandbox) -> None:
    async def tour() -> list[Recorded]:
        async with recorded(served.address) as (base_url, requests):
            async with AsyncDVS(base_url, "key", "secret") as dvs:
                await _find(dvs)
                await _pay(dvs)
        return requests

    for request in asyncio.run(tour()):
        contract.check_request(request.method, request.target, request.headers, request.body)
    assert contract.requested == {operation.id for operation in contract.operations}


@pytest.mark.parametrize(
    ("method", "target", "body", "problem"),
    [
        ("GET", "/v1/nothing", b"", "is not described"),
        ("DELETE", "/v1/transactions/1", b"", "is not described"),
        ("GET", "/v1/services?servce_id=1", b"", "parameters that are not described"),
        ("GET", "/v1/services?page=0", b"", "less than the minimum"),
        ("GET", "/v1/products?tags=A&tags=B", b"", "more than once"),
        ("GET", "/v1/products?tags=A,A", b"", "non-unique"),
        ("GET", "/v1/countries/sgp", b"", "does not match"),
        ("GET", "/v1/transactions?from_date=2026-11-01", b"", "is not a 'date-time'"),
        ("POST", "/v1/transactions/1/cancel", b"{}", "has a body"),
        ("POST", "/v1/async/transactions", b'{"external_id":"a"}', "required property"),
        ("POST", "/v1/async/transactions", b'{"external_id":"a","product_id":1,"sendr":null}', "unexpected"),
        ("POST", "/v1/async/transactions", b'{"external_id":"a","product_id":1,"sender":{"nam":"x"}}', "unexpected"),
        ("POST", "/v1/lookup/mobile-number", b'{"mobile_number":"6595123100"}', "does not match"),
    ],
)
def test_a_request_that_is_not_described_is_found(
    contract: Any, method: str, target: str, body: bytes, problem: str
) -> None:
    headers = {"authorization": "Basic x", "content-type": "application/json"}
    with pytest.raises(AssertionError, match=problem):
        contract.check_request(method, target, headers, body)
