"""Every response of the sandbox matches the description: status, headers, body and error codes."""

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.catalogue.catalogue_name import CatalogueName
from bulk_topup.sandbox.openapi import document

Checked = Callable[..., httpx2.Client]

_numbers = count(1)
MOBILE = {"mobile_number": "+6595123100"}
METER = {"account_number": "30294429610", "account_qualifier": "PREPAID"}
ESIM = {"account_number": "8944500", "account_qualifier": "ICCID"}
PERSON = {"last_name": "Holt", "first_name": "Cleo", "nationality_country_iso_code": "GBR", "email": "cleo@example.com"}
#: What each product needs.
PURCHASES: dict[int, dict[str, Any]] = {
    3411: {"credit_party_identifier": MOBILE},
    6418: {"destination": ("SGD", "5.5"), "credit_party_identifier": MOBILE},
    7350: {
        "destination": ("NGN", "1500"),
        "credit_party_identifier": MOBILE,
        "sender": PERSON,
        "beneficiary": {"last_name": "Abara", "first_name": "Chidi", "address_postal_code": "AB1 2CD"},
    },
    6610: {
        "destination": ("INR", "199"),
        "credit_party_identifier": MOBILE,
        "debit_party_identifier": {"mobile_number": "+442079460958"},
        "additional_identifier": {"purchaser_id": "till-0042"},
    },
    8803: {},
    8810: {"destination": ("EUR", "25")},
    9105: {
        "destination": ("KES", "1500.25"),
        "credit_party_identifier": METER,
        "statement_identifier": {"reference": "INV-1", "due_date": "2026-12-31"},
    },
    9550: {"credit_party_identifier": ESIM},
    9560: {},
    9565: {"credit_party_identifier": {"account_number": "8900010000000000555"}},
}


def _purchase(product_id: int = 3411, **changes: Any) -> dict[str, Any]:
    request: dict[str, Any] = {"external_id": f"answers-{next(_numbers)}", "product_id": product_id}
    for name, value in PURCHASES[product_id].items():
        request[name] = value
        if name == "destination":
            request["calculation_mode"] = "DESTINATION_AMOUNT"
            request[name] = {"unit_type": "CURRENCY", "unit": value[0], "amount": Decimal(value[1])}
    return request | changes


@pytest.fixture
def api(checked: Checked, served: EmbeddedSandbox) -> httpx2.Client:
    return checked(served)


@pytest.fixture
def post(api: httpx2.Client) -> Callable[..., httpx2.Response]:
    return lambda path, value=None: api.post(path, content=b"" if value is None else codec.encode(value))


@pytest.fixture
def create(post: Callable[..., httpx2.Response]) -> Callable[..., int]:
    def start(**changes: Any) -> int:
        answer = post("/async/transactions", _purchase(**changes))
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    return start


#: A successful request of each operation that only reads.
READS = {
    "listServices": "/services?country_iso_code=SGP&page=1&per_page=10",
    "getService": "/services/4",
    "listCountries": "/countries?service_id=1&subservice_id=11",
    "getCountry": "/countries/MEX",
    "listOperators": "/operators?country_iso_code=SGP&service_id=1",
    "getOperator": "/operators/1310",
    "listBenefitTypes": "/benefit-types",
    "listPromotions": "/promotions",
    "getPromotion": "/promotions/5102",
    "listCampaigns": "/campaigns",
    "getCampaign": "/campaigns/8202",
    "listProducts": "/products?region=FRA&per_page=2&page=2",
    "getProduct": "/products/3411",
    "listTransactions": "/transactions?service_id=1&status_id=70000",
    "listBalances": "/balances?unit_type=CURRENCY&unit=USD",
    "lookUpMobileNumber": "/lookup/mobile-number/+6595123100",
}
#: The same for those with a body.
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "lookUpMobileNumberInBody": ("/lookup/mobile-number", {"mobile_number": "+6595123100", "page": 1, "per_page": 1}),
    "inquireStatements": (
        "/lookup/statement-inquiry",
        {"product_id": 9105, "account_number": "30294429610", "account_qualifier": "PREPAID"},
    ),
    "listCreditPartyBenefits": ("/lookup/credit-party-benefits", {"service_id": 13, "credit_party_identifier": ESIM}),
    "getCreditPartyStatus": ("/lookup/credit-party-status", {"service_id": 13, "credit_party_identifier": ESIM}),
}


def test_every_documented_operation_is_served_as_described(
    api: httpx2.Client, post: Callable[..., httpx2.Response], create: Callable[..., int], contract: Any
) -> None:
    answers = {name: api.get(path) for name, path in READS.items()}
    answers |= {name: post(path, body) for name, (path, body) in QUESTIONS.items()}
    answers["createTransactionAsync"] = post("/async/transactions", _purchase(auto_confirm=True))
    answers["createTransactionSync"] = post("/sync/transactions", _purchase(auto_confirm=True))
    answers["confirmTransactionAsync"] = post(f"/async/transactions/{create()}/confirm")
    answers["confirmTransactionSync"] = post(f"/sync/transactions/{create()}/confirm")
    answers["cancelTransaction"] = post(f"/transactions/{create()}/cancel")
    answers["getTransaction"] = api.get(f"/transactions/{create()}")
    assert {name: answer.text for name, answer in answers.items() if answer.is_error} == {}
    assert set(answers) == {operation.id for operation in contract.operations}
    assert contract.responded == set(answers)


def test_every_product_of_every_type_is_as_described(api: httpx2.Client) -> None:
    products = api.get("/products").json()
    assert {product["type"] for product in products} == set(ProductType)
    for product in products:
        assert api.get(f"/products/{product['id']}").json() == product


def test_products_of_every_kind_of_the_catalogue_of_real_size_are_as_described(checked: Checked) -> None:
    name = CatalogueName(size="real-size", seed=1)
    config = SandboxConfig(api_key="key", api_secret=SecretStr("secret"), rate_limit=0, catalogue=name)
    with EmbeddedSandbox(config) as sandbox:
        api = checked(sandbox)
        for type_ in ProductType:
            listed = api.get("/products", params={"type": type_, "per_page": 10, "page": 3}).json()
            assert len(listed) == 10
            assert api.get(f"/products/{listed[0]['id']}").json() == listed[0]
        for path in ("/operators", "/countries", "/lookup/mobile-number/+254712345678"):
            assert api.get(path).json()


@pytest.mark.parametrize("language", ["es", "fr-CA, en;q=0.5", "xx", "*"])
@pytest.mark.parametrize("path", ["/products", "/products/3411", "/promotions"])
def test_texts_in_another_language_are_as_described(api: httpx2.Client, path: str, language: str) -> None:
    assert api.get(path, headers={"Accept-Language": language}).status_code == 200


@pytest.mark.parametrize("product_id", PURCHASES)
@pytest.mark.parametrize("confirmed", [True, False])
def test_a_transaction_of_every_kind_is_as_described_now_and_later(
    create: Callable[..., int], api: httpx2.Client, product_id: int, confirmed: bool
) -> None:
    id_ = create(product_id=product_id, auto_confirm=confirmed, callback_url="http://127.0.0.1:9/none")
    assert api.get(f"/transactions/{id_}").json()["id"] == id_


@pytest.mark.parametrize("suffix", [*range(100, 110), 555])
def test_a_transaction_of_every_final_status_is_as_described(
    create: Callable[..., int], api: httpx2.Client, suffix: int
) -> None:
    id_ = create(auto_confirm=True, credit_party_identifier={"mobile_number": f"+6595123{suffix}"})
    while api.get(f"/transactions/{id_}").json()["status"]["class"]["message"] in {"CONFIRMED", "SUBMITTED"}:
        pass
    assert api.get("/transactions", params={"credit_party_mobile_number": f"+6595123{suffix}"}).json()


@pytest.mark.parametrize("product_id", [9550, 9560, 9565])
def test_the_metadata_of_a_completed_esim_is_as_described(
    create: Callable[..., int], api: httpx2.Client, product_id: int
) -> None:
    id_ = create(product_id=product_id, auto_confirm=True)
    while "metadata" not in (found := api.get(f"/transactions/{id_}").json()):
        assert found["status"]["class"]["message"] in {"CONFIRMED", "SUBMITTED"}
    assert ("profile" in found["metadata"]) == (product_id == 9560)


#: Invalid requests: method, path, body, status and code.
REFUSED: list[tuple[str, str, object, int, int]] = [
    ("GET", "/services/2", None, 404, 1005004),
    ("GET", "/services/x", None, 400, 1000400),
    ("GET", "/services?page=0", None, 400, 1000400),
    ("GET", "/countries/ZZZ", None, 404, 1005005),
    ("GET", "/countries/zzz", None, 400, 1000400),
    ("GET", "/countries?subservice_id=11", None, 400, 1000400),
    ("GET", "/operators/99", None, 404, 1005006),
    ("GET", "/operators/0", None, 400, 1000400),
    ("GET", "/benefit-types?per_page=101", None, 400, 1000400),
    ("GET", "/promotions/999999", None, 404, 1003201),
    ("GET", "/promotions?operator_id=x", None, 400, 1000400),
    ("GET", "/campaigns/999999", None, 404, 1003301),
    ("GET", "/products/9", None, 404, 1003001),
    ("GET", "/products?type=SOMETHING", None, 400, 1000400),
    ("GET", "/products?tags=GIFT,GIFT", None, 400, 1000400),
    ("GET", "/transactions?external_id=%EF%BB%BF", None, 400, 1000400),
    ("POST", "/lookup/mobile-number", {"mobile_number": "+6595123100", "page": 2**31}, 400, 1000400),
    ("POST", "/async/transactions", _purchase(callback_url="http://127.0.0.1/ö"), 400, 1000400),
    ("GET", "/transactions/1", None, 404, 1008004),
    ("GET", "/transactions?from_date=yesterday", None, 400, 1000400),
    ("POST", "/transactions/1/cancel", None, 404, 1008004),
    ("POST", "/async/transactions/1/confirm", None, 404, 1008004),
    ("POST", "/sync/transactions/1/confirm", None, 404, 1008004),
    ("GET", "/balances?unit=XXX", None, 404, 1006009),
    ("GET", "/balances?unit_type=TIME", None, 400, 1000400),
    ("GET", "/lookup/mobile-number/+35312345678", None, 404, 1005006),
    ("GET", "/lookup/mobile-number/12345678", None, 400, 1000400),
    ("POST", "/lookup/mobile-number", {"mobile_number": "+35312345678"}, 404, 1005006),
    ("POST", "/lookup/mobile-number", {}, 400, 1000400),
    ("POST", "/lookup/statement-inquiry", {"product_id": 3411, "account_number": "1"}, 400, 1007500),
    ("POST", "/lookup/statement-inquiry", {"product_id": 1, "account_number": "1"}, 404, 1003001),
    ("POST", "/lookup/statement-inquiry", {"product_id": 9105}, 400, 1000400),
    (
        "POST",
        "/lookup/credit-party-benefits",
        {"service_id": 1, "credit_party_identifier": MOBILE},
        400,
        1007500,
    ),
    ("POST", "/lookup/credit-party-benefits", {"service_id": 13}, 400, 1000400),
    ("POST", "/lookup/credit-party-status", {"service_id": 1, "credit_party_identifier": MOBILE}, 400, 1007500),
    ("POST", "/lookup/credit-party-status", [], 400, 1000400),
]
REFUSED += [
    ("POST", f"/{mode}/transactions", body, status, code)
    for mode in ("async", "sync")
    for body, status, code in (
        ({}, 400, 1000400),
        (_purchase(product_id=3411, credit_party_identifier=None), 400, 1000400),
        ({**_purchase(), "product_id": 1}, 404, 1003001),
        (_purchase(6418, destination={"unit_type": "CURRENCY", "unit": "SGD", "amount": 9000}), 400, 1003002),
        (_purchase(6418, destination={"unit_type": "CURRENCY", "unit": "GBP", "amount": 5}), 400, 1003003),
        (_purchase(credit_party_identifier={"mobile_number": "95123100"}), 400, 1005003),
        (_purchase(7350, sender={**PERSON, "mobile_number": "1"}), 400, 1005503),
        (_purchase(6610, debit_party_identifier={"mobile_number": "1"}), 400, 1006003),
        (_purchase(7350, beneficiary={**PERSON, "mobile_number": "1"}), 400, 1006503),
    )
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), REFUSED)
def test_every_error_is_as_described(
    api: httpx2.Client, method: str, path: str, body: object, status: int, code: int
) -> None:
    answer = api.request(method, path, content=b"" if body is None else codec.encode(body))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code), answer.text


def test_errors_that_depend_on_a_transactions_status_are_as_described(
    post: Callable[..., httpx2.Response], create: Callable[..., int]
) -> None:
    def code(path: str, body: object = None) -> int:
        answer = post(path, body)
        assert answer.status_code == 400, answer.text
        return int(answer.json()["errors"][0]["code"])

    twice = _purchase()
    post("/async/transactions", twice)
    assert code("/async/transactions", twice) == code("/sync/transactions", twice) == 1007001
    confirmed, cancelled = create(auto_confirm=True), create()
    post(f"/transactions/{cancelled}/cancel")
    for mode in ("async", "sync"):
        assert code(f"/{mode}/transactions/{confirmed}/confirm") in {1007002, 1007004}
        assert code(f"/{mode}/transactions/{cancelled}/confirm") in {1007005, 1007004}
    assert code(f"/transactions/{cancelled}/cancel") == 1007005
    assert code(f"/transactions/{confirmed}/cancel") == 1007007


def _filled(path: str) -> str:
    samples = {"country_iso_code": "SGP", "mobile_number": "+6595123100"}
    for name in ("country_iso_code", "mobile_number"):
        path = path.replace("{" + name + "}", samples[name])
    return "/".join("1" if part.startswith("{") else part for part in path.split("/"))


OPERATIONS = [(method.upper(), path) for path, methods in document()["paths"].items() for method in methods]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_response_without_api_credentials_is_as_described(
    checked: Checked, served: EmbeddedSandbox, method: str, path: str
) -> None:
    assert checked(served, auth=("key", "wrong")).request(method, _filled(path)).status_code == 401


def test_the_errors_of_the_rate_limit_and_an_empty_wallet_are_as_described(checked: Checked) -> None:
    config = SandboxConfig(api_key="key", api_secret=SecretStr("secret"), rate_limit=1, balances={"USD": Decimal(1)})
    with EmbeddedSandbox(config) as sandbox:
        client = checked(sandbox)
        while (answer := client.get("/balances")).status_code != 429:
            assert answer.status_code == 200
        while (answer := client.post("/async/transactions", json=_purchase())).status_code == 429:
            pass
        assert answer.json()["errors"][0]["code"] == 1006001
