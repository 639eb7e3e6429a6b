"""Products, operators, countries, services and look-ups, as an account reads them."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs.models.product import ProductType, RangedProduct

Refused = Callable[[httpx2.Response, int, int], None]
Read = Callable[[str, httpx2.Response], Any]
ESIMS = [9560, 9565]
ALL = [3411, 4455, 4460, 4470, 5021, 6418, 6430, 6610, 7350, 7712, 7725, 8803, 8810, 9105, 9240, 9550, *ESIMS]


def test_every_product_is_the_same_in_the_list_and_alone(api: httpx2.Client, read: Read) -> None:
    products = read("product", api.get("/products"))
    assert [product.id for product in products] == ALL
    assert {product.type for product in products} == set(ProductType)
    assert products == [read("product", api.get(f"/products/{id_}")) for id_ in ALL]


def test_a_fixed_product_is_served_with_its_prices_and_rates(api: httpx2.Client) -> None:
    text = api.get("/products/3411").text
    assert '"rates":{"base":0.833333333333333,"wholesale":0.833333333333333,"retail":0.75}' in text
    assert '"wholesale":{"unit_type":"CURRENCY","unit":"USD","amount":3.6,"fee":0}' in text
    product = api.get("/products/3411").json()
    assert product["required_credit_party_identifier_fields"] == [["mobile_number"]]
    assert product["required_sender_fields"] is None
    assert product["promotions"] is None


def test_the_bounds_of_a_ranged_product_are_possible_amounts(api: httpx2.Client, read: Read) -> None:
    ranged = [product for product in read("product", api.get("/products")) if isinstance(product, RangedProduct)]
    assert ranged
    for product in ranged:
        low, high, step = (
            product.destination.amount.min,
            product.destination.amount.max,
            product.destination.amount.increment,
        )
        assert low is not None
        assert high is not None
        assert step
        assert (high - low) % step == 0
        assert product.source.unit == product.prices.wholesale.unit


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("type=FIXED_VALUE_PIN_PURCHASE", [8803, *ESIMS]),
        ("type=RANGED_VALUE_PAYMENT", [9105, 9240]),
        ("service_id=4", [8803, 8810]),
        ("service_id=1&subservice_id=13", [7725]),
        ("country_iso_code=SGP", [6418, 6430]),
        ("country_iso_code=GXX", [9550, *ESIMS]),
        ("country_iso_code=ZZZ", []),
        ("operator_id=1596", [7712]),
        ("region=SGP", [6418, 6430, 9550, *ESIMS]),
        ("region=FRA", [4460, 8810, 9550, *ESIMS]),
        ("tags=DATA_BUNDLE", [5021, 7725]),
        ("tags=DATA_BUNDLE,TRAVEL", [5021, 7725, 9550, *ESIMS]),
        ("tags=DATA_BUNDLE&tags=TRAVEL", [5021, 7725, 9550, *ESIMS]),
        ("tags=5G%20data%2Bvoz,TRAVEL", [9550, *ESIMS]),
        ("tags=GIFT%0A", []),
        ("benefit_types=SMS", [5021]),
        ("benefit_types=SMS,TALKTIME", [5021, 6430]),
        ("country_iso_code=MEX&type=RANGED_VALUE_RECHARGE", [7712]),
        ("region=MEX", [7712, 7725, 9550, *ESIMS]),
        ("region=MX-JAL", [7712, 7725, 9550, *ESIMS]),
        ("region=MX", [7712, 7725, 9550, *ESIMS]),
        ("service_id=4&sort=-id", [8810, 8803]),
        ("country_iso_code=MEX&sort=-name", [7712, 7725]),
        ("service_id=13&sort=amount", [9560, 9550, 9565]),
        ("service_id=3&sort=-amount", [9240, 9105]),
        ("service_id=1&country_iso_code=SGP&sort=-amount , id", [6430, 6418]),
        ("service_id=4&sort=amount,-id", [8810, 8803]),
    ],
)
def test_products_are_filtered(api: httpx2.Client, read: Read, query: str, ids: list[int]) -> None:
    answer = api.get(f"/products?{query}")
    assert [product.id for product in read("product", answer)] == ids
    assert answer.headers["x-total"] == str(len(ids))


@pytest.mark.parametrize(
    "query",
    [
        "type=NO_TYPE",
        "service_id=0",
        "service_id=x",
        "operator_id=2147483648",
        "country_iso_code=sgp",
        "country_iso_code=SGP%0A",
        "region=Jalisco",
        "tags=",
        "tags=GIF",
        "tags=gift",
        "tags=%0AGIFT",
        "tags=GIFT,",
        "tags=SEVENTEEN_LETTERS_",
        "sort=",
        "sort=price",
        "sort=--id",
        "sort=id,",
        "subservice_id=11",
        "benefit_types=CREDITS,",
        "benefit_types=MUSIC",
        "type=%ff",
    ],
)
def test_an_invalid_filter_is_a_bad_request(api: httpx2.Client, refused: Refused, query: str) -> None:
    refused(api.get(f"/products?{query}"), 400, 1000400)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("products/1", 1003001),
        ("services/2", 1005004),
        ("countries/ZZZ", 1005005),
        ("operators/1", 1005006),
    ],
)
def test_each_kind_of_missing_entry_has_its_own_error_code(
    api: httpx2.Client, refused: Refused, path: str, code: int
) -> None:
    refused(api.get(f"/{path}"), 404, code)


def test_an_invalid_country_code_is_a_bad_request(api: httpx2.Client, refused: Refused) -> None:
    refused(api.get("/countries/mex"), 400, 1000400)


def test_services_countries_operators_and_benefit_types_are_served(api: httpx2.Client, read: Read) -> None:
    assert [service.id for service in read("service", api.get("/services"))] == [1, 3, 4, 7, 10, 11, 12, 13]
    assert [service.id for service in read("service", api.get("/services?country_iso_code=KEN"))] == [3]
    mobile = read("service", api.get("/services/1"))
    assert [(part.id, part.name) for part in mobile.subservices] == [(11, "Airtime"), (12, "Bundle"), (13, "Data")]
    assert api.get("/services/13").json() == {"id": 13, "name": "eSIM", "subservices": None}
    assert [country.iso_code for country in read("country", api.get("/countries?service_id=3"))] == ["COL", "KEN"]
    assert read("country", api.get("/countries/MEX")).regions[0].code == "MX-JAL"
    operators = read("operator", api.get("/operators?country_iso_code=MEX"))
    assert [operator.id for operator in operators] == [1596, 1597]
    assert read("operator", api.get("/operators/1597")) == operators[1]
    names = [item["name"] for item in api.get("/benefit-types").json()]
    assert names == ["TALKTIME", "DATA", "SMS", "PAYMENT", "CREDITS"]


@pytest.mark.parametrize("path", ["countries", "operators", "products"])
def test_a_subservice_needs_its_service(api: httpx2.Client, refused: Refused, path: str) -> None:
    refused(api.get(f"/{path}?subservice_id=11"), 400, 1000400)


def test_pages_have_numbers_and_add_up(api: httpx2.Client) -> None:
    def headers(page: int, per_page: int) -> dict[str, str]:
        answer = api.get(f"/products?page={page}&per_page={per_page}")
        names = ("total", "total-pages", "per-page", "page", "next-page", "prev-page")
        return {name: answer.headers[f"x-{name}"] for name in names if f"x-{name}" in answer.headers}

    same = {"total": "18", "total-pages": "3", "per-page": "6"}
    assert headers(1, 6) == {**same, "page": "1", "next-page": "2"}
    assert headers(2, 6) == {**same, "page": "2", "next-page": "3", "prev-page": "1"}
    assert headers(3, 6) == {**same, "page": "3", "prev-page": "2"}
    assert headers(9, 6) == {**same, "page": "9"}
    pages = [api.get(f"/products?page={page}&per_page=6").json() for page in (1, 2, 3, 4)]
    assert [item["id"] for page in pages for item in page] == ALL
    assert api.get("/products").headers["x-per-page"] == "50"


def test_a_look_up_lists_the_operators_of_the_country_and_always_identifies_the_same_one(
    api: httpx2.Client, read: Read
) -> None:
    found = read("lookup", api.get("/lookup/mobile-number/+6595123500"))
    assert {operator.id for operator in found} == {1310, 1311}
    assert [operator.identified for operator in found] == [True, False]
    again = read("lookup", api.post("/lookup/mobile-number", json={"mobile_number": "+6595123500"}))
    assert again == found
    owners = {read("lookup", api.get(f"/lookup/mobile-number/+659512350{digit}"))[0].id for digit in range(10)}
    assert owners == {1310, 1311}


@pytest.mark.parametrize(
    ("number", "country"), [("+12025550143", "USA"), ("+447700900123", "GBR"), ("+33639980001", "FRA")]
)
def test_numbers_that_are_reserved_for_fiction_belong_to_their_country(
    api: httpx2.Client, read: Read, number: str, country: str
) -> None:
    found = read("lookup", api.get(f"/lookup/mobile-number/{number}"))
    assert {operator.country.iso_code for operator in found} == {country}


@pytest.mark.parametrize("number", ["+4930123456", "+999123456789"])
def test_a_number_of_a_country_without_operators_finds_none(api: httpx2.Client, refused: Refused, number: str) -> None:
    refused(api.get(f"/lookup/mobile-number/{number}"), 404, 1005006)


@pytest.mark.parametrize("number", ["6595123500", "+65", "+0123456789", "+6595123500x", "+1234567890123456"])
def test_a_number_that_is_not_e164_is_a_bad_request(api: httpx2.Client, refused: Refused, number: str) -> None:
    refused(api.get(f"/lookup/mobile-number/{number}"), 400, 1000400)
    refused(api.post("/lookup/mobile-number", json={"mobile_number": number}), 400, 1000400)


def test_a_posted_look_up_has_its_page_in_the_body(api: httpx2.Client, refused: Refused) -> None:
    def page(**fields: Any) -> httpx2.Response:
        return api.post("/lookup/mobile-number", json={"mobile_number": "+6595123500", **fields})

    answer = page(page=2, per_page=1)
    assert [item["identified"] for item in answer.json()] == [False]
    assert answer.headers["x-total-pages"] == "2"
    refused(page(per_page=101), 400, 1000400)
    refused(page(page=0), 400, 1000400)
