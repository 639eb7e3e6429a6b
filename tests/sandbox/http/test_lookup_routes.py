"""Look-ups of credit parties: open statements, and the benefits and dates of an eSIM."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.models.account import CreditPartyBenefit, CreditPartyStatus, Statement
from bulk_topup.dvs.models.transaction import Party
from bulk_topup.sandbox import EmbeddedSandbox
from bulk_topup.sandbox.catalogue.catalogue_name import SMALL
from bulk_topup.sandbox.catalogue.changes import Change
from bulk_topup.sandbox.catalogue.open_catalogue import open_catalogue
from bulk_topup.sandbox.http.lookup_routes import statement_bodies
from bulk_topup.sandbox.provider.requests import StatementRequest

Post = Callable[..., httpx2.Response]
Refused = Callable[[httpx2.Response, int, int], None]
INQUIRY = {"product_id": 9105, "account_number": "30294429610", "account_qualifier": "PREPAID"}
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def _benefits(account: str, **changes: Any) -> dict[str, Any]:
    party = {"account_number": account, "account_qualifier": "ICCID"}
    return {"service_id": 13, "credit_party_identifier": party, **changes}


def test_an_account_has_statements_that_stay_the_same(post: Post) -> None:
    answer = post("/lookup/statement-inquiry", INQUIRY)
    assert answer.status_code == 200
    statements = [Statement.model_validate(item) for item in codec.decode(answer.content)]
    assert statements
    assert len({statement.reference for statement in statements}) == len(statements)
    for statement in statements:
        assert statement.dates is not None
        assert statement.dates.due is not None
        assert statement.dates.statement is not None
        assert statement.dates.due > statement.dates.statement
        assert statement.balance is not None
        assert statement.balance.unit == "KES"
    assert post("/lookup/statement-inquiry", INQUIRY).content == answer.content
    other = post("/lookup/statement-inquiry", INQUIRY | {"account_number": "30294429611"})
    assert other.content != answer.content
    assert post("/lookup/statement-inquiry", INQUIRY | {"account_number": "30294429000"}).json() == []


#: Endings of accounts that have no bill that can be paid.
SPECIAL = ("010", "110", "111", "112", "113", "114")


@pytest.mark.parametrize(
    ("ending", "status", "code"), [("110", 400, 1005003), ("111", 400, 1007500), ("112", 404, 1005006)]
)
def test_accounts_that_cannot_be_inquired_are_refused(
    ending: str, status: int, code: int, post: Post, refused: Refused
) -> None:
    refused(post("/lookup/statement-inquiry", INQUIRY | {"account_number": f"30294429{ending}"}), status, code)


def test_accounts_may_owe_nothing_or_an_amount_that_is_not_stated(post: Post) -> None:
    owed = post("/lookup/statement-inquiry", INQUIRY | {"account_number": "30294429010"}).json()
    assert {statement["balance"]["amount"] for statement in owed} == {0}
    unstated = post("/lookup/statement-inquiry", INQUIRY | {"account_number": "30294429113"}).json()
    assert [statement["balance"] for statement in unstated] == [{"unit_type": "CURRENCY"}] * len(unstated)


def test_bills_grow_with_the_amount_factor_of_their_product() -> None:
    catalogue = open_catalogue(SMALL)
    lookup = StatementRequest(product_id=9105, account_number="30294429610", account_qualifier="PREPAID")
    before = [codec.decode(body)["balance"]["amount"] for body in statement_bodies(catalogue, lookup, NOW)]
    catalogue.set_changes([Change(products=[9105], amount_factor=Decimal(2))])
    after = [codec.decode(body)["balance"]["amount"] for body in statement_bodies(catalogue, lookup, NOW)]
    assert [amount - 50 for amount in after] == [2 * (amount - 50) for amount in before]
    catalogue.set_changes([Change(products=[9240], amount_factor=Decimal(2))])
    assert [codec.decode(body)["balance"]["amount"] for body in statement_bodies(catalogue, lookup, NOW)] == before


@given(st.text(min_size=1, max_size=90).filter(str.strip).filter(lambda account: not account.endswith(SPECIAL)))
def test_the_balance_of_a_statement_can_be_paid(account: str) -> None:
    lookup = StatementRequest(product_id=9105, account_number=account, account_qualifier="PREPAID")
    bodies = statement_bodies(open_catalogue(SMALL), lookup, NOW)
    assert len(bodies) <= 3
    for body in bodies:
        balance = codec.decode(body)["balance"]["amount"]
        assert Decimal(50) <= balance <= Decimal(100_000)
        assert Decimal(balance) == round(Decimal(balance), 2)


def test_the_page_size_of_statements_is_in_the_body(post: Post, refused: Refused) -> None:
    account = next(
        number
        for number in map(str, range(1, 99))
        if len(post("/lookup/statement-inquiry", INQUIRY | {"account_number": number}).json()) == 3
    )
    request = INQUIRY | {"account_number": account}
    every = post("/lookup/statement-inquiry", request).json()
    answer = post("/lookup/statement-inquiry", request | {"page": 2, "per_page": 2})
    assert answer.json() == every[2:]
    assert (answer.headers["x-total"], answer.headers["x-total-pages"]) == ("3", "2")
    refused(post("/lookup/statement-inquiry", request | {"per_page": 101}), 400, 1000400)
    refused(post("/lookup/statement-inquiry", request | {"page": 0}), 400, 1000400)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"product_id": 9240}, 400, 1007500),
        ({"product_id": 6418}, 400, 1007500),
        ({"product_id": 1}, 404, 1003001),
        ({"product_id": 0}, 400, 1000400),
        ({"account_number": None}, 400, 1000400),
        ({"account_number": " "}, 400, 1000400),
        ({"account_number": "1" * 91}, 400, 1000400),
        ({"account_qualifier": None}, 400, 1000400),
        ({"account_qualifier": " "}, 400, 1000400),
    ],
)
def test_an_invalid_inquiry_is_refused(
    post: Post, refused: Refused, changes: dict[str, Any], status: int, code: int
) -> None:
    request = {name: value for name, value in (INQUIRY | changes).items() if value is not None}
    refused(post("/lookup/statement-inquiry", request), status, code)


def test_the_catalogue_shows_which_payments_have_statements(api: httpx2.Client) -> None:
    payments = [api.get(f"/products/{id_}").json()["payment"] for id_ in (9105, 9240)]
    assert [payment["supports_statement_inquiry"] for payment in payments] == [True, False]
    assert payments[0]["required_inquiry_fields"] == [["account_number", "account_qualifier"]]


def test_an_active_esim_has_data_left_until_a_date(post: Post, time: Any) -> None:
    answer = post("/lookup/credit-party-benefits", _benefits("8944-505"))
    assert answer.headers["x-total"] == "1"
    [benefit] = [CreditPartyBenefit.model_validate(item) for item in codec.decode(answer.content)]
    assert (benefit.type, benefit.unit_type, benefit.unit) == ("DATA", "DATA", "GB")
    assert 0 < benefit.amount <= 10
    assert benefit.expiration_date is not None
    assert benefit.expiration_date > time.now()
    assert benefit.country is not None
    assert benefit.country.iso_code == "GXX"
    assert post("/lookup/credit-party-benefits", _benefits("8944-505")).content == answer.content
    assert post("/lookup/credit-party-benefits", _benefits("8944-505", page=2)).json() == []


def test_an_esim_can_have_unlimited_data(post: Post) -> None:
    [benefit] = post("/lookup/credit-party-benefits", _benefits("8944-502")).json()
    assert (benefit["amount"], benefit["unit"]) == (-1, "GB")


def test_a_status_has_no_pages(post: Post) -> None:
    answer = post("/lookup/credit-party-status", _benefits("8944-505"))
    assert set(answer.json()) == {"installation_date", "activation_date"}
    assert not [name for name in answer.headers if name.startswith("x-") and not name.startswith("x-ratelimit")]


def test_the_last_digit_of_an_esim_decides_whether_it_is_installed_and_active(post: Post, time: Any) -> None:
    def dates(party: dict[str, str]) -> CreditPartyStatus:
        answer = post("/lookup/credit-party-status", _benefits("", credit_party_identifier=party))
        assert answer.status_code == 200
        return CreditPartyStatus.model_validate(answer.json())

    assert dates({"account_number": "8944-500"}) == CreditPartyStatus()
    installed = dates({"account_number": "8944-501"})
    assert installed.installation_date is not None
    assert installed.activation_date is None
    active = dates({"mobile_number": "+6595123555"})
    assert active.installation_date is not None
    assert active.activation_date is not None
    assert active.installation_date < active.activation_date <= time.now()
    for account in ("8944-500", "8944-501"):
        assert post("/lookup/credit-party-benefits", _benefits(account)).json() == []


@pytest.mark.parametrize("path", ["/lookup/credit-party-benefits", "/lookup/credit-party-status"])
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"service_id": 1}, 400, 1007500),
        ({"service_id": 2}, 404, 1005004),
        ({"service_id": 0}, 400, 1000400),
        ({"credit_party_identifier": {}}, 400, 1000400),
        ({"credit_party_identifier": {"account_qualifier": "ICCID"}}, 400, 1000400),
        ({"credit_party_identifier": {"mobile_number": "6595123555"}}, 400, 1005003),
        ({"credit_party_identifier": None}, 400, 1000400),
    ],
)
def test_an_invalid_credit_party_is_refused(
    post: Post, refused: Refused, path: str, changes: dict[str, Any], status: int, code: int
) -> None:
    refused(post(path, _benefits("8944-505", **changes)), status, code)


@pytest.mark.anyio
async def test_the_client_looks_up_credit_parties(sandbox: EmbeddedSandbox, credentials: tuple[str, str]) -> None:
    async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
        page = await dvs.lookup.statement_inquiry(9105, "30294429610", account_qualifier="PREPAID").page()
        assert page.items
        party = Party(account_number="8944-505", account_qualifier="ICCID")
        assert (await dvs.lookup.credit_party_benefits(13, party).page()).items
        assert (await dvs.lookup.credit_party_status(13, party)).activation_date
