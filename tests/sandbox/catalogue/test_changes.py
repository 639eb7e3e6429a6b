"""Products that change while the sandbox runs: prices, denominations, and whether they are there at all."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs import codec
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.catalogue.catalogue_name import CatalogueName
from bulk_topup.sandbox.catalogue.changes import Change, changed, read_changes
from bulk_topup.sandbox.catalogue.products import PRODUCTS
from bulk_topup.sandbox.provider.pricing import quote

BY_ID = {product.id: product for product in PRODUCTS}
FIXED, BUNDLE = 3411, 5021


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: str(product.id))
def test_a_price_factor_changes_what_is_charged_and_what_the_product_says_in_the_same_way(product: Any) -> None:
    doubled: Any = changed(product, Change(price_factor=Decimal(2)))
    if "RANGED" in product.type:
        requested: Any = ("DESTINATION_AMOUNT", product.destination.amount.max)
        before, after = quote(product, requested), quote(doubled, requested)
        assert doubled.prices.wholesale.amount.max == product.prices.wholesale.amount.max * 2
        assert abs(after.price - doubled.prices.wholesale.amount.max) <= Decimal("0.01")
    else:
        before, after = quote(product, None), quote(doubled, None)
        assert doubled.prices.wholesale.amount == after.price
    assert abs(after.price - before.price * 2) <= Decimal("0.01")
    assert (after.fee, after.destination) == (before.fee, before.destination)


def test_an_amount_factor_changes_what_a_fixed_product_delivers_at_the_same_price() -> None:
    product = changed(BY_ID[FIXED], Change(amount_factor=Decimal("1.5")))
    assert quote(product, None).destination == Decimal("4.50")
    assert quote(product, None).price == Decimal("3.6")
    [benefit] = product.benefits or []
    assert benefit.amount.base == Decimal("4.50")
    bundle = changed(BY_ID[BUNDLE], Change(amount_factor=Decimal(2)))
    assert bundle.benefits == BY_ID[BUNDLE].benefits


@pytest.fixture
def sandbox(config: Callable[..., SandboxConfig], clock: Any) -> Any:
    with EmbeddedSandbox(config(), clock) as running:
        yield running


@pytest.fixture
def client(sandbox: EmbeddedSandbox) -> Any:
    with httpx2.Client(base_url=sandbox.base_url, auth=("key", "secret")) as opened:
        yield opened


def _changes(client: httpx2.Client, sandbox: EmbeddedSandbox, *changes: dict[str, Any]) -> Any:
    answer = client.put(f"{sandbox.address}/sandbox/changes", content=codec.encode(changes))
    assert answer.status_code == 200, answer.text
    return answer.json()


def _buy(client: httpx2.Client, body: Callable[..., dict[str, Any]], product: int = FIXED) -> httpx2.Response:
    return client.post("/async/transactions", content=codec.encode(body(product, auto_confirm=True)))


def _charged(answer: httpx2.Response) -> Decimal:
    assert answer.status_code == 201, answer.text
    return Decimal(str(codec.decode(answer.content)["prices"]["wholesale"]["amount"]))


def test_a_change_takes_effect_after_some_transactions_and_the_books_keep_it(
    client: httpx2.Client, sandbox: EmbeddedSandbox, body: Callable[..., dict[str, Any]]
) -> None:
    _charged(_buy(client, body))
    shown = _changes(client, sandbox, {"price_factor": 2, "after": 2}, {"products": [FIXED], "price_factor": 10})
    assert [each["in_effect"] for each in shown] == [False, True]
    prices = [_charged(_buy(client, body)), _charged(_buy(client, body)), _charged(_buy(client, body))]
    assert prices == [36, 36, 72]
    assert client.get(f"/products/{FIXED}").json()["prices"]["wholesale"]["amount"] == 72
    listed = client.get("/products", params={"operator_id": 1401}).json()
    assert [each["prices"]["wholesale"]["amount"] for each in listed] == [72]
    export = client.get(sandbox.books_url).json()
    sandbox.restart()
    assert client.get(sandbox.books_url).json() == export
    assert _charged(_buy(client, body)) == 72
    assert client.get(f"{sandbox.address}/sandbox/changes").json()[0]["change"] == {"price_factor": 2, "after": 2}
    assert client.delete(f"{sandbox.address}/sandbox/changes").json() == []
    assert _charged(_buy(client, body)) == Decimal("3.6")


def test_a_product_that_vanished_is_neither_listed_nor_sold_and_what_was_bought_stays(
    client: httpx2.Client,
    sandbox: EmbeddedSandbox,
    body: Callable[..., dict[str, Any]],
    refused: Callable[..., None],
) -> None:
    bought = _buy(client, body).json()["id"]
    operators = client.get("/lookup/mobile-number/+593987654321").json()
    _changes(client, sandbox, {"products": [FIXED], "vanish": True})
    refused(client.get(f"/products/{FIXED}"), 404, 1003001)
    refused(_buy(client, body), 404, 1003001)
    assert FIXED not in [each["id"] for each in client.get("/products").json()]
    assert client.get(f"/transactions/{bought}").json()["product"]["id"] == FIXED
    assert client.get("/promotions/5101").json()["products"][0]["id"] == FIXED
    # Numbers stay with their operator, which has nothing left to sell.
    assert client.get("/lookup/mobile-number/+593987654321").json() == operators
    _changes(client, sandbox)
    assert _buy(client, body).status_code == 201


def test_all_products_can_vanish(client: httpx2.Client, sandbox: EmbeddedSandbox) -> None:
    _changes(client, sandbox, {"vanish": True})
    assert client.get("/products").json() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'[{"price_factor": 0}]',
        b'[{"price_factor": -1}]',
        b'[{"price_factor": "NaN"}]',
        b'[{"amount_factor": 1001}]',
        b'[{"price": 2}]',
        b'[{"products": []}]',
        b'[{"after": -1}]',
        b"\xff",
    ],
)
def test_what_is_no_list_of_changes_is_refused(body: bytes, client: httpx2.Client, sandbox: EmbeddedSandbox) -> None:
    with pytest.raises(ConfigurationError, match="not a list of changes"):
        read_changes(body)
    assert client.put(f"{sandbox.address}/sandbox/changes", content=body).status_code == 400


def test_books_of_one_catalogue_are_refused_with_another(open_provider: Callable[..., Any]) -> None:
    open_provider(catalogue=CatalogueName(size="real-size", seed=3)).close()
    with pytest.raises(ConfigurationError, match=r'of the catalogue "real-size 3", not of "small"\. Set it with'):
        open_provider()
    with pytest.raises(ConfigurationError, match='not of "real-size 4"'):
        open_provider(catalogue=CatalogueName(size="real-size", seed=4))
    open_provider(catalogue=CatalogueName(size="real-size", seed=3))
