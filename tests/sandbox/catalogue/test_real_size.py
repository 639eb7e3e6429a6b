"""The catalogue of real size: large, the same for the same seed, with everything that a real account has to expect."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx2
import phonenumbers
import pytest
from pydantic import SecretStr

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import PRODUCT, ProductType, RangedProduct
from bulk_topup.plan.prices import expected_cost
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.catalogue.catalogue import Catalogue
from bulk_topup.sandbox.catalogue.catalogue_name import CatalogueName
from bulk_topup.sandbox.catalogue.drafts import WALLETS
from bulk_topup.sandbox.catalogue.entries import ALPHA_3
from bulk_topup.sandbox.catalogue.open_catalogue import open_catalogue
from bulk_topup.sandbox.catalogue.products import PRODUCTS
from bulk_topup.sandbox.config import default_balances
from bulk_topup.sandbox.provider.pricing import quote

NAME = CatalogueName(size="real-size", seed=7)
#: Every fiftieth product of each part of the catalogue is enough to find what is wrong with one of its kinds.
STEP = 50


@pytest.fixture(scope="module")
def large() -> Catalogue:
    return open_catalogue(NAME)


@pytest.fixture(scope="module")
def served() -> Iterator[httpx2.Client]:
    config = SandboxConfig(
        api_key="key", api_secret=SecretStr("secret"), rate_limit=0, catalogue=NAME, balances=default_balances(NAME)
    )
    with (
        EmbeddedSandbox(config) as sandbox,
        httpx2.Client(base_url=sandbox.base_url, auth=("key", "secret")) as client,
    ):
        yield client


def test_it_has_20_000_products_of_875_operators_in_166_countries(served: httpx2.Client) -> None:
    pages = served.get("/products", params={"per_page": 100, "page": 200})
    assert (pages.headers["x-total"], pages.headers["x-total-pages"], len(pages.json())) == ("20000", "200", 100)
    countries = served.get("/countries", params={"per_page": 1}).headers["x-total"]
    assert int(countries) - len(("EXX", "GXX")) == 166
    stocked = int(served.get("/operators", params={"per_page": 1}).headers["x-total"])
    assert stocked == 875 - 24


def test_the_same_seed_generates_the_same_products_and_another_one_others(large: Catalogue) -> None:
    again, other = open_catalogue(NAME), open_catalogue(CatalogueName(size="real-size", seed=8))
    ids = large.products()
    assert again.products() == ids == other.products()
    some = ids[::STEP]
    assert [again.product(id_) for id_ in some] == [large.product(id_) for id_ in some]
    differing = sum(other.product(id_) != large.product(id_) for id_ in some)
    assert differing > len(some) / 2


def test_the_products_of_the_small_catalogue_are_part_of_it(large: Catalogue) -> None:
    assert [large.product(product.id) for product in PRODUCTS] == list(PRODUCTS)


def test_no_product_is_created_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(*_: object, **__: object) -> None:
        pytest.fail("a product was created")

    for name in ("fixed_product", "ranged_product"):
        monkeypatch.setattr(f"bulk_topup.sandbox.catalogue.drafts.{name}", create)
    opened = open_catalogue(CatalogueName(size="real-size", seed=9))
    assert len(opened.products(type_=ProductType.RANGED_VALUE_RECHARGE)) > 400
    with pytest.raises(pytest.fail.Exception):
        opened.product(20_001)


def test_it_has_all_types_of_products_priced_in_each_wallet(large: Catalogue) -> None:
    assert all(len(large.products(type_=type_)) > 50 for type_ in ProductType)
    assert {large.product(id_).prices.wholesale.unit for id_ in large.products()[::STEP]} == set(WALLETS)


def test_what_lists_are_filtered_by_is_what_products_have(large: Catalogue) -> None:
    for id_ in large.products()[:: STEP * 20]:
        product = large.product(id_)
        subservice = product.service.subservice
        for filters in (
            {"type_": product.type, "operator_id": product.operator.id},
            {"country_iso_code": product.operator.country.iso_code, "service_id": product.service.id},
            {"service_id": product.service.id, "subservice_id": subservice and subservice.id},
            {"benefit_types": [benefit.type for benefit in product.benefits or ()], "operator_id": product.operator.id},
        ):
            assert id_ in large.products(**filters)


def test_every_product_is_read_by_the_client_and_has_a_price_that_is_no_fraction_of_a_unit(large: Catalogue) -> None:
    for id_ in large.products()[::STEP]:
        product = large.product(id_)
        assert PRODUCT.validate_json(product.model_dump_json()) == product
        if isinstance(product, RangedProduct):
            low, high = product.destination.amount.min, product.destination.amount.max
            assert low is not None
            assert high is not None
            lowest, highest = (quote(product, (CalculationMode.DESTINATION_AMOUNT, amount)) for amount in (low, high))
            assert Decimal(0) < lowest.cost < highest.cost
            cost, requested = highest.cost, high
        else:
            cost, requested = quote(product, None).cost, None
        assert expected_cost(product, CalculationMode.DESTINATION_AMOUNT, requested)[0] == cost
        assert cost > 0
        decimals = {"JPY": 0, "KWD": 3}.get(product.prices.wholesale.unit or "", 2)
        assert -int(cost.as_tuple().exponent) <= decimals


def _example_of(alpha_2: str, last: str) -> str:
    number = phonenumbers.example_number_for_type(alpha_2, phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[: -len(last)] + last


def test_numbers_of_each_country_belong_to_one_of_its_operators_of_which_some_have_no_product(
    large: Catalogue,
) -> None:
    by_alpha_3 = {alpha_3: alpha_2 for alpha_2, alpha_3 in ALPHA_3.items()}
    products = {large.product(id_).operator.country.iso_code for id_ in large.products()[::STEP]}
    identified = []
    for iso_code in sorted(products & set(by_alpha_3)):
        for last in ("200", "201", "202", "203", "204"):
            [first, *others] = map(codec.decode, large.lookup_bodies(_example_of(by_alpha_3[iso_code], last)))
            assert [first["identified"], *(other["identified"] for other in others)] == [True] + [False] * len(others)
            identified.append(first["id"])
    without = [id_ for id_ in set(identified) if not large.products(operator_id=id_)]
    assert 5 < len(without) <= 24


@pytest.mark.parametrize(
    ("last", "status", "code"),
    [("110", 400, 1005003), ("111", 400, 1007500), ("112", 404, 1005006)],
)
def test_the_last_digits_of_a_number_decide_that_it_cannot_be_looked_up(
    last: str, status: int, code: int, served: httpx2.Client, api: httpx2.Client, refused: Callable[..., None]
) -> None:
    for client in (served, api):
        refused(client.get(f"/lookup/mobile-number/+6595123{last}"), status, code)
        answer = client.post("/lookup/mobile-number", json={"mobile_number": f"+6595123{last}"})
        refused(answer, status, code)


def test_no_operator_is_identified_of_numbers_that_end_in_113(api: httpx2.Client) -> None:
    found: list[dict[str, Any]] = api.get("/lookup/mobile-number/+6595123113").json()
    assert [each["identified"] for each in found] == [False] * len(found) != []
