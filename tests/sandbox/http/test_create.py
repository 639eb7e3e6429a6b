"""Creating transactions: responses, costs, and error codes."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import Range
from bulk_topup.dvs.models.transaction import Transaction

Refused = Callable[[httpx2.Response, int, int], None]
Create = Callable[..., Transaction]
Post = Callable[..., httpx2.Response]

BAD_REQUEST = 1000400
GROUPS = (
    *("sender", "beneficiary", "debit_party_identifier", "credit_party_identifier"),
    *("statement_identifier", "additional_identifier"),
)


def _amount(unit: str, amount: str, unit_type: str = "CURRENCY") -> dict[str, Any]:
    return {"unit_type": unit_type, "unit": unit, "amount": Decimal(amount)}


def _airtime(amount: str) -> dict[str, Any]:
    return {"calculation_mode": "DESTINATION_AMOUNT", "destination": _amount("USD", amount)}


@pytest.mark.parametrize("product_id", [6418, 3411, 8803, 8810, 7350, 6610, 9105, 9240, 9550, 9560, 9565])
def test_every_kind_of_product_can_be_bought(create: Create, body: Any, product_id: int) -> None:
    request = body(product_id)
    transaction = create(product_id, external_id=request["external_id"])
    assert transaction.status.message == "CREATED"
    assert transaction.external_id == request["external_id"]
    assert transaction.product.id == product_id
    for group in (
        "sender",
        "beneficiary",
        "credit_party_identifier",
        "debit_party_identifier",
        "additional_identifier",
    ):
        given = getattr(transaction, group)
        assert (given and given.model_dump(exclude_none=True)) == request.get(group)


def test_a_transaction_has_the_fields_that_are_set_and_null_in_a_few_others(
    post: Post, api: httpx2.Client, body: Any
) -> None:
    answer = post("/async/transactions", body(callback_url="https://payroll.example/hooks?run=7")).json()
    fields = {
        "id", "external_id", "creation_date", "confirmation_expiration_date", "status", "product", "prices", "rates",
        "benefits", "promotions", "requested_values", "credit_party_identifier",
    }  # fmt: skip
    assert set(answer) == fields
    assert answer["status"] == {"id": 10000, "message": "CREATED", "class": {"id": 1, "message": "CREATED"}}
    product = answer["product"]
    assert set(product) == {"id", "name", "description", "type", "service", "operator", "tags", "regions"}
    assert (product["type"], product["service"]["subservice"]["id"]) == ("RANGED_VALUE_RECHARGE", 11)
    assert [product["regions"], product["operator"]["regions"], answer["promotions"]] == [None, None, None]
    assert _unset(answer) == {"tags", "regions", "promotions", "additional_information"}
    # Only queries show where callbacks go.
    queried = api.get(f"/transactions/{answer['id']}").json()
    assert queried == {**answer, "callback_url": "https://payroll.example/hooks?run=7"}
    [listed] = api.get("/transactions", params={"external_id": answer["external_id"]}).json()
    assert listed == queried


def _unset(value: Any) -> set[str]:
    """Return the names of all fields that are null."""
    if isinstance(value, list):
        return {name for part in value for name in _unset(part)}
    if not isinstance(value, dict):
        return set()
    return {name for name, part in value.items() if part is None} | {
        name for part in value.values() for name in _unset(part)
    }


def test_a_fixed_product_has_no_requested_values(create: Create) -> None:
    assert create(3411).requested_values is None


def test_times_have_nine_digits_and_expiry_is_an_hour_later(post: Post, body: Any, read: Any, time: Any) -> None:
    answer = post("/async/transactions", body())
    assert answer.json()["creation_date"] == f"{time.now():%Y-%m-%dT%H:%M:%S.%f}000Z"
    transaction = read("transaction", answer)
    assert transaction.confirmation_expiration_date - transaction.creation_date == timedelta(hours=1)
    assert transaction.confirmation_date is None


def test_auto_confirm_creates_and_confirms_in_one_step(create: Create) -> None:
    transaction = create(auto_confirm=True)
    assert (transaction.status.id, transaction.status.message) == (20000, "CONFIRMED")
    assert transaction.confirmation_date == transaction.creation_date


def test_amounts_are_exact_decimals_in_both_directions(api: httpx2.Client, body: Any) -> None:
    answer = api.post("/async/transactions", content=codec.encode(body(4470, **_airtime("16.1"))))
    assert b'"destination":{"unit_type":"CURRENCY","unit":"USD","amount":16.1}' in answer.content
    assert b'"wholesale":{"unit_type":"CURRENCY","unit":"USD","amount":15.15,"fee":0}' in answer.content


@pytest.mark.parametrize("amount", ["16.10", "16.1000000000000", "1.61E+1", "16.1"])
def test_an_amount_is_the_same_however_it_is_written(create: Create, amount: str) -> None:
    values = create(4470, **_airtime(amount)).requested_values
    assert values is not None
    assert values.destination is not None
    assert str(values.destination.amount) == "16.1"


def test_a_fixed_product_costs_its_wholesale_price_and_fee(create: Create) -> None:
    transaction = create(5021)
    assert transaction.prices is not None
    assert (transaction.prices.wholesale.amount, transaction.prices.wholesale.fee) == (Decimal("1.95"), Decimal("0.05"))
    assert transaction.benefits is not None
    benefits = [(item.type, item.amount.base) for item in transaction.benefits]
    assert benefits == [("DATA", Decimal(2)), ("SMS", Decimal(100))]


def test_an_amount_of_the_source_side_is_converted_at_the_base_rate(create: Create) -> None:
    transaction = create(calculation_mode="SOURCE_AMOUNT", source=_amount("USD", "9.99"), destination=None)
    requested, adjusted = transaction.requested_values, transaction.adjusted_values
    assert requested is not None
    assert requested.source is not None
    assert requested.destination is not None
    assert requested.source.amount == Decimal("9.99")
    assert requested.destination.amount == Decimal("9.99") * Decimal("1.2815")
    assert adjusted is not None
    assert adjusted.destination is not None
    assert adjusted.destination.amount == Decimal("12.80")
    assert transaction.prices is not None
    assert transaction.prices.wholesale.amount == Decimal("9.50")  # 12.802185 / 1.3477
    assert transaction.benefits is not None
    assert transaction.benefits[0].amount.base == Range(min=Decimal("12.80"), max=Decimal("12.80"))


def test_without_an_adjustment_there_are_no_adjusted_values(create: Create) -> None:
    assert create().adjusted_values is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"external_id": "x"',
        b"\xff",
        b'{"external_id": "\xff"}',
        b"[" * 60_000,
        b'{"external_id":"huge-1","product_id":6418,"destination":{"amount":1e99999999999999999999}}',
        b'{"external_id":"huge-2","product_id":' + b"9" * 5000 + b"}",
        b'{"external_id":"\\ud800","product_id":3411}',
    ],
)
def test_a_body_that_is_not_a_json_object_is_a_bad_request(api: httpx2.Client, refused: Refused, text: bytes) -> None:
    refused(api.post("/async/transactions", content=text), 400, BAD_REQUEST)


@pytest.mark.parametrize(
    "changes",
    [
        {"external_id": None},
        {"external_id": ""},
        {"external_id": "  "},
        {"external_id": "x" * 41},
        {"external_id": 5},
        {"product_id": None},
        {"product_id": "6418"},
        {"product_id": 0},
        {"product_id": 6418.5},
        {"product_id": 2**31},
        {"auto_confirm": "yes"},
        {"auto_confirm": 1},
        {"calculation_mode": None},
        {"calculation_mode": "BOTH"},
        {"calculation_mode": "SOURCE_AMOUNT"},
        {"destination": None},
        {"destination": 5},
        {"destination": {"unit_type": "CURRENCY", "unit": "SGD"}},
        {"destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": "5"}},
        {"destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": True}},
        {"destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": None}},
        {"destination": {"unit_type": "POINTS", "unit": "SGD", "amount": 5}},
        {"destination": {"unit_type": "CURRENCY", "unit": "", "amount": 5}},
        {"credit_party_identifier": "+6595123555"},
        {"credit_party_identifier": {"mobile_number": 6595123555}},
        {"credit_party_identifier": {"account_number": "x" * 91}},
        {"credit_party_identifier": {"account_number": " "}},
        {"sender": {"nationality_country_iso_code": "SG"}},
        {"sender": {"nationality_country_iso_code": "SGP\n"}},
        {"sender": {"last_name": " "}},
        {"beneficiary": {"address_postal_code": "-12"}},
        {"statement_identifier": {"due_date": "2026-02-30"}},
        {"statement_identifier": {"due_date": "tomorrow"}},
        {"additional_identifier": {"purchaser_id": "short"}},
        {"additional_identifier": {"purchaser_id": "till_0042"}},
        {"callback_url": "not a url"},
        {"callback_url": "ftp://payroll.example/"},
        {"callback_url": "http://[::1::2]/"},
        {"callback_url": "http://[::300.1.1.1]/"},
        {"callback_url": "http:///hooks"},
        *({group: empty} for group in GROUPS for empty in ({}, {"mobile_number": None}, {"unknown": 1})),
    ],
)
def test_a_field_that_does_not_match_the_reference_is_a_bad_request(
    post: Post, body: Any, refused: Refused, changes: dict[str, Any]
) -> None:
    refused(post("/async/transactions", body(**changes)), 400, BAD_REQUEST)


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://Payroll.Example:8443/Hooks",
        "https://user:p%40ss@payroll.example/hooks",
        "https://[2001:db8::1]/hooks",
        "http://[2001:DB8:0:1:2:3:4:5]:80",
        "http://[::ffff:192.0.2.1]/?run=7#x",
    ],
)
def test_callback_addresses_may_have_capitals_credentials_and_ipv6(
    post: Post, api: httpx2.Client, body: Any, url: str
) -> None:
    answer = post("/async/transactions", body(callback_url=url))
    assert answer.status_code == 201
    assert api.get(f"/transactions/{answer.json()['id']}").json()["callback_url"] == url


def test_an_account_number_has_at_most_90_characters(post: Post, body: Any) -> None:
    party = {"account_number": "7" * 90}
    assert post("/async/transactions", body(9240, credit_party_identifier=party)).status_code == 201


@pytest.mark.parametrize(
    ("product_id", "changes", "named"),
    [
        (6418, {"credit_party_identifier": None}, "credit_party_identifier.mobile_number"),
        (6418, {"credit_party_identifier": {"account_number": "1"}}, "credit_party_identifier.mobile_number"),
        (7350, {"sender": None}, "sender.last_name"),
        (7350, {"sender": {"last_name": "Holt", "first_name": "Cleo"}}, "sender.nationality_country_iso_code"),
        (7350, {"beneficiary": {"last_name": "Abara"}}, "beneficiary.first_name"),
        (6610, {"debit_party_identifier": None}, "debit_party_identifier.mobile_number"),
        (6610, {"additional_identifier": None}, "additional_identifier.purchaser_id"),
        (9105, {"credit_party_identifier": {"account_number": "1"}}, "credit_party_identifier.account_qualifier"),
        (9105, {"statement_identifier": {"due_date": "2026-12-31"}}, "statement_identifier.reference"),
        (
            9550,
            {"credit_party_identifier": {"account_number": "1"}},
            "mobile_number or credit_party_identifier.account",
        ),
        (6418, {"calculation_mode": None}, "calculation_mode"),
        (7712, {"calculation_mode": "SOURCE_AMOUNT", "source": _amount("USD", "5")}, "calculation_mode"),
    ],
)
def test_an_error_names_the_field_that_the_product_requires(
    post: Post, body: Any, refused: Refused, product_id: int, changes: dict[str, Any], named: str
) -> None:
    answer = post("/async/transactions", body(product_id, **changes))
    refused(answer, 400, BAD_REQUEST)
    assert named in answer.json()["errors"][0]["message"]


def test_any_one_of_the_alternatives_is_enough(create: Create) -> None:
    assert create(9550, credit_party_identifier={"mobile_number": "+6595123555"}).status.message == "CREATED"


@pytest.mark.parametrize("number", ["6595123555", "+065123555", "+65", "+6595123555 ", "", "+1234567890123456"])
@pytest.mark.parametrize(
    ("group", "code"),
    [
        ("credit_party_identifier", 1005003),
        ("sender", 1005503),
        ("debit_party_identifier", 1006003),
        ("beneficiary", 1006503),
    ],
)
def test_each_party_has_its_own_code_for_a_bad_mobile_number(
    post: Post, body: Any, refused: Refused, group: str, code: int, number: str
) -> None:
    refused(post("/async/transactions", body(**{group: {"mobile_number": number}})), 400, code)


@pytest.mark.parametrize(
    "amount", ["0.99", "100.5", "5.25", "0", "-5", "5.000000001", "1E+99", "1E-99", f"5.5{'0' * 150}1"]
)
def test_an_amount_out_of_range_or_between_the_steps_is_refused(
    post: Post, body: Any, refused: Refused, amount: str
) -> None:
    refused(post("/async/transactions", body(destination=_amount("SGD", amount))), 400, 1003002)


@pytest.mark.parametrize("amount", ["1E+400", "1E-400"])
def test_an_amount_that_nobody_could_write_out_is_no_request(
    post: Post, body: Any, refused: Refused, amount: str
) -> None:
    refused(post("/async/transactions", body(destination=_amount("SGD", amount))), 400, 1000400)


@pytest.mark.parametrize("amount", ["0.77", "78.04"])
def test_the_source_side_has_a_range_of_its_own(post: Post, body: Any, refused: Refused, amount: str) -> None:
    request = body(calculation_mode="SOURCE_AMOUNT", source=_amount("USD", amount), destination=None)
    refused(post("/async/transactions", request), 400, 1003002)


@pytest.mark.parametrize(("amount", "cost"), [("1", "0.74"), ("100", "74.20"), ("99.5", "73.83"), ("1E+1", "7.42")])
def test_the_bounds_themselves_are_possible(create: Create, amount: str, cost: str) -> None:
    prices = create(destination=_amount("SGD", amount)).prices
    assert prices is not None
    assert prices.wholesale.amount == Decimal(cost)


def test_a_unit_other_than_the_products_is_refused(post: Post, body: Any, refused: Refused) -> None:
    refused(post("/async/transactions", body(destination=_amount("USD", "5"))), 400, 1003003)


def test_an_unknown_product_is_refused(post: Post, body: Any, refused: Refused) -> None:
    refused(post("/async/transactions", body(999)), 404, 1003001)


def test_an_external_id_is_accepted_once_whatever_else_is_requested(post: Post, body: Any, refused: Refused) -> None:
    request = body()
    assert post("/async/transactions", request).status_code == 201
    refused(post("/async/transactions", request), 400, 1007001)
    refused(post("/async/transactions", request | {"destination": _amount("SGD", "7")}), 400, 1007001)
    refused(post("/async/transactions", body(3411, external_id=request["external_id"])), 400, 1007001)


def test_a_refused_request_leaves_its_external_id_free(post: Post, body: Any, refused: Refused) -> None:
    request = body()
    refused(post("/async/transactions", request | {"destination": _amount("SGD", "1000")}), 400, 1003002)
    assert post("/async/transactions", request).status_code == 201


def test_a_cost_above_the_balance_is_refused_and_changes_nothing(
    api: httpx2.Client, post: Post, body: Any, refused: Refused
) -> None:
    before = api.get("/balances").json()
    refused(post("/async/transactions", body(8810, destination=_amount("EUR", "130"))), 400, 1006001)
    assert api.get("/balances").json() == before
    assert post("/async/transactions", body(8810, destination=_amount("EUR", "20"))).status_code == 201
