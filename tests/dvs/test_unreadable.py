"""Entries that can't be read: skipped, counted and named, and never in the way of the others."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from bulk_topup.dvs import AsyncDVS, NotFoundError, RetryPolicy, UnreadableBodyError
from bulk_topup.dvs.models.base import Price
from bulk_topup.dvs.models.product import PRODUCT, FixedProduct, UnknownProduct
from bulk_topup.dvs.unreadable import MAX_KEPT, UnreadableEntries, UnreadableEntry

pytestmark = pytest.mark.anyio

OPERATOR = {"id": 1596, "name": "Telcel", "country": {"name": "Mexico", "iso_code": "MEX"}}
AMOUNT = {"unit_type": "CURRENCY", "unit": "MXN", "amount": 20}
PRICE = {"unit_type": "CURRENCY", "unit": "USD", "amount": 1.5, "fee": 0}
FIXED = {
    "id": 3425,
    "name": "20 MXN",
    "type": "FIXED_VALUE_RECHARGE",
    "service": {"id": 1, "name": "Mobile"},
    "operator": OPERATOR,
    "source": {**AMOUNT, "unit": "USD"},
    "destination": AMOUNT,
    "prices": {"wholesale": PRICE, "retail": None},
}
TRANSACTION = {
    "id": 2237512891,
    "external_id": "payroll-1",
    "creation_date": "2026-11-01T20:05:05.883561000Z",
    "status": {"id": 70000, "message": "COMPLETED", "class": {"id": 7, "message": "COMPLETED"}},
    "product": {"id": 6418},
}
WALLET = {"id": 1, "unit_type": "CURRENCY", "unit": "USD", "available": 5, "holding": 0, "credit_limit": 0}
ONE_TRY = RetryPolicy(tries=1)


@pytest.fixture
def fetch(scripted: Any, answer: Any) -> Callable[..., Any]:
    """Return a function that calls another with a client of a provider with these bodies, and returns both."""

    async def call(do: Callable[[AsyncDVS], Any], *bodies: Any, status: int = 200) -> tuple[Any, AsyncDVS]:
        answers = [answer(status, json.dumps(body).encode()) for body in bodies]
        async with scripted(*answers) as peer, AsyncDVS(peer.base_url, "key", "secret", retries=ONE_TRY) as dvs:
            return await do(dvs), dvs

    return call


@pytest.mark.parametrize(
    ("name", "path", "good"),
    [
        ("balances", "/balances", WALLET),
        ("operators", "/operators", OPERATOR),
        ("countries", "/countries", OPERATOR["country"]),
        ("services", "/services", FIXED["service"]),
        ("benefit_types", "/benefit-types", {"name": "DATA"}),
        ("transactions", "/transactions", TRANSACTION),
        ("transaction_outcomes", "/transactions", TRANSACTION),
        ("products", "/products", FIXED),
    ],
)
async def test_each_list_skips_counts_and_names_what_it_cannot_read(
    fetch: Callable[..., Any], name: str, path: str, good: dict[str, Any]
) -> None:
    named: list[UnreadableEntry] = []

    async def do(dvs: AsyncDVS) -> Any:
        dvs.on_unreadable = named.append
        return [[each async for each in getattr(dvs, name).list()] for _ in range(2)]

    found, dvs = await fetch(do, [good, None, {"name": []}, good])
    assert [len(each) for each in found] == [2, 2]
    assert dvs.unreadable.count == 2
    assert named == dvs.unreadable.kept
    assert {each.path for each in named} == {path}
    assert all(each.problem for each in named)


async def test_a_page_that_is_full_of_unreadable_entries_is_not_the_last(fetch: Callable[..., Any]) -> None:
    async def do(dvs: AsyncDVS) -> Any:
        return [each.id async for each in dvs.transactions.list()]

    found, _ = await fetch(do, [None] * 100, [TRANSACTION])
    assert found == [TRANSACTION["id"]]


async def test_a_listed_transaction_without_an_external_id_can_be_read_and_is_nobodys(
    fetch: Callable[..., Any],
) -> None:
    async def do(dvs: AsyncDVS) -> Any:
        return [each.external_id async for each in dvs.transaction_outcomes.list()]

    without = {name: value for name, value in TRANSACTION.items() if name != "external_id"}
    found, dvs = await fetch(do, [{**TRANSACTION, "external_id": None}, without, TRANSACTION])
    assert found == ["", "", "payroll-1"]
    assert dvs.unreadable.count == 0


async def test_a_single_transaction_has_to_state_its_external_id(fetch: Callable[..., Any]) -> None:
    named: list[UnreadableEntry] = []

    async def do(dvs: AsyncDVS) -> Any:
        dvs.on_unreadable = named.append
        with pytest.raises(UnreadableBodyError, match="external_id"):
            await dvs.transactions.get(7)
        with pytest.raises(UnreadableBodyError, match="external_id"):
            await dvs.transactions.create_async({"external_id": "payroll-1"})

    await fetch(do, {**TRANSACTION, "external_id": None})
    assert [(each.path, each.id) for each in named] == [("/transactions", 7)]


ODD = {**TRANSACTION, "status": None}


@pytest.mark.parametrize(
    ("listed", "by_id", "expected"),
    [
        ([TRANSACTION], None, (TRANSACTION["id"], 0)),
        ([ODD, TRANSACTION], None, (TRANSACTION["id"], 0)),
        ([], None, (None, 0)),
        ([{**TRANSACTION, "external_id": "other-1"}], None, (None, 1)),
        ([{**ODD, "external_id": "other-1"}], None, (None, 1)),
        ([ODD], TRANSACTION, (TRANSACTION["id"], 0)),
        ([{**ODD, "external_id": None}], TRANSACTION, (TRANSACTION["id"], 0)),
        ([{**ODD, "external_id": None}], {**TRANSACTION, "external_id": "other-1"}, (None, 1)),
    ],
)
async def test_a_transaction_is_found_by_its_external_id_and_where_its_entry_is_odd_by_its_id(
    fetch: Callable[..., Any], listed: list[Any], by_id: Any, expected: tuple[int | None, int]
) -> None:
    async def do(dvs: AsyncDVS) -> Any:
        return await dvs.transactions.find("payroll-1")

    (found, others), _ = await fetch(do, listed, by_id)
    assert (found and found.id, others) == expected


@pytest.mark.parametrize(
    ("listed", "by_id"),
    [
        ([ODD], ODD),
        ([ODD], {**TRANSACTION, "id": 5}),
        ([ODD], {**TRANSACTION, "external_id": "other-1"}),
        ([None], TRANSACTION),
        ([{"external_id": "payroll-1"}], TRANSACTION),
        ([{**TRANSACTION, "external_id": None}], TRANSACTION),
    ],
)
async def test_an_entry_that_may_be_the_transaction_is_never_taken_for_none(
    fetch: Callable[..., Any], listed: list[Any], by_id: Any
) -> None:
    async def do(dvs: AsyncDVS) -> Any:
        with pytest.raises(UnreadableBodyError):
            await dvs.transactions.find("payroll-1")

    await fetch(do, listed, by_id)


async def test_an_unreadable_entry_that_is_not_found_by_its_id_is_not_absent_either(scripted: Any, answer: Any) -> None:
    missing = answer(404, b'{"errors":[{"code":1008004,"message":"Transaction not found"}]}')
    async with scripted(answer(200, json.dumps([ODD]).encode()), missing) as peer:
        async with AsyncDVS(peer.base_url, "key", "secret", retries=ONE_TRY) as dvs:
            with pytest.raises(UnreadableBodyError, match="does not find it") as caught:
                await dvs.transactions.find("payroll-1")
    assert not isinstance(caught.value, NotFoundError)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"source": "USD"}, "source"),
        ({"prices": None}, "prices"),
        ({"operator": {"id": "x"}}, "operator"),
        ({"name": None}, "name"),
        ({"required_sender_fields": "all"}, "required_sender_fields"),
        ({"type": "RANGED_VALUE_RECHARGE"}, "amount"),
        ({"type": 5, "tags": "none"}, "tags"),
    ],
)
def test_a_product_of_an_unknown_shape_is_an_unknown_product_with_what_can_be_read(
    changes: dict[str, Any], problem: str
) -> None:
    product = PRODUCT.validate_python({**FIXED, **changes})
    assert isinstance(product, UnknownProduct)
    assert product.id == FIXED["id"]
    assert problem in product.problem
    assert "can't pay" in product.why
    assert isinstance(PRODUCT.validate_python(FIXED), FixedProduct)


def test_a_product_of_an_unknown_type_needs_its_id_alone() -> None:
    product = PRODUCT.validate_python({"id": 1, "type": "BRAND_NEW"})
    assert isinstance(product, UnknownProduct)
    assert (product.type, product.why) == ("BRAND_NEW", 'has type "BRAND_NEW", which this version can\'t pay')


@pytest.mark.parametrize("value", [None, [], {}, {"id": "x", "type": "BRAND_NEW"}, {"id": 0}])
def test_a_product_without_a_usable_id_cannot_be_read(value: object) -> None:
    with pytest.raises(ValueError):
        PRODUCT.validate_python(value)


def test_of_many_unreadable_entries_so_many_are_kept_and_each_is_counted() -> None:
    entries = UnreadableEntries()
    made = [UnreadableEntry(path="/x", id=number, external_id=None, problem="p") for number in range(MAX_KEPT + 5)]
    for entry in made:
        assert entries.add(entry)
    assert not entries.add(made[0])
    assert not entries.add(UnreadableEntry(path="/x", id=1, external_id="of-its-list", problem="q"))
    assert entries.add(UnreadableEntry(path="/y", id=1, external_id=None, problem="p"))
    assert (entries.count, len(entries.kept)) == (MAX_KEPT + 6, MAX_KEPT)


def test_a_sentence_about_an_entry_controls_no_terminal() -> None:
    entry = UnreadableEntry(path="/transactions", id=5, external_id="\x1b[2J" * 50, problem="status: Field required")
    assert entry.sentence().isprintable()
    assert len(entry.sentence()) < 200


async def test_an_answer_about_another_entry_than_the_one_that_was_asked_for_is_none(fetch: Callable[..., Any]) -> None:
    async def do(dvs: AsyncDVS) -> Any:
        resource = dvs.transaction_outcomes
        for act in (resource.get, resource.confirm_async, resource.confirm_sync, resource.cancel):
            with pytest.raises(UnreadableBodyError, match="about transaction 7 with transaction 2237512891"):
                await act(7)
        return await resource.get(2237512891)

    found, _ = await fetch(do, TRANSACTION)
    assert found.external_id == "payroll-1"


async def test_another_product_than_the_one_that_was_asked_for_is_none(fetch: Callable[..., Any]) -> None:
    async def do(dvs: AsyncDVS) -> Any:
        with pytest.raises(UnreadableBodyError, match="about product 6418 with product 3425"):
            await dvs.products.get(6418)
        return await dvs.products.get(3425)

    found, _ = await fetch(do, FIXED)
    assert found.id == 3425


@pytest.mark.parametrize("amount", ["1e1000000", "-1E+101", "0e999999", "1e-5000", "9" * 201])
def test_a_number_beyond_all_bounds_is_none_as_a_text_either(amount: str) -> None:
    with pytest.raises(ValidationError, match="beyond all bounds"):
        Price.model_validate({"amount": amount})
    assert Price.model_validate({"amount": "3.710"}).amount == Decimal("3.71")
