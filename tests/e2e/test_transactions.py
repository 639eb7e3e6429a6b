"""The provider's transactions, promotions and look-ups from the command line."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs import DVS
from bulk_topup.dvs.models.base import Amount, CalculationMode
from bulk_topup.dvs.models.transaction import Party, Transaction, TransactionRequest
from tests.helpers.smtp_and_http_receivers import serve_hook

Pay = Callable[..., Any]


@pytest.fixture
def dvs(sandbox: Any, credentials: tuple[str, str]) -> Iterator[DVS]:
    with DVS(sandbox.base_url, *credentials, rate=1000) as client:
        yield client


@pytest.fixture
def time_scale() -> float:
    """Long enough that a created transaction does not expire while commands start."""
    return 0.05


@pytest.fixture
def create(dvs: DVS) -> Callable[..., Transaction]:
    """Return a function that creates a transaction and leaves it unconfirmed."""

    def make(external_id: str, *, auto_confirm: bool = False) -> Transaction:
        return dvs.transactions.create_async(
            TransactionRequest(
                external_id=external_id,
                product_id=6418,
                calculation_mode=CalculationMode.DESTINATION_AMOUNT,
                destination=Amount(unit="SGD", amount=Decimal("7.50")),
                credit_party_identifier=Party(mobile_number="+6595123500"),
                auto_confirm=auto_confirm,
            )
        )

    return make


def test_a_transaction_is_shown_by_its_id_or_its_external_id(pay: Pay, create: Callable[..., Transaction]) -> None:
    created = create("by-hand-1")
    for name in (created.id, "by-hand-1"):
        [shown] = json.loads(pay("transaction", "show", name, "--json").stdout)
        assert (shown["id"], shown["external_id"]) == (created.id, "by-hand-1")
    table = pay("transaction", "show", created.id).stdout
    assert "7.50 SGD" in table
    assert "CREATED" in table


def test_other_transactions_that_dvs_lists_are_not_shown_as_the_one_that_was_asked_for(
    invoke: Pay, create: Callable[..., Transaction], sandbox: Any, credentials: tuple[str, str]
) -> None:
    create("by-hand-2")
    with serve_hook() as hook:
        hook.status = 200
        hook.bodies["/v1/transactions"] = httpx2.get(f"{sandbox.base_url}/transactions", auth=credentials).content
        place = ("--base-url", f"http://127.0.0.1:{hook.port}/v1", "--ledger", "ledger.db")
        shown = invoke("transaction", "show", "by-hand-1", *place, code=4)
    assert "DVS listed other transactions than by-hand-1." in shown.stderr
    assert shown.stdout == ""


def test_an_entry_that_can_not_be_read_is_fetched_by_its_id_and_never_called_unknown(invoke: Any) -> None:
    body: dict[str, Any] = {
        "id": 7,
        "external_id": "by-hand-1",
        "creation_date": "2026-11-01T20:05:05Z",
        "status": {"id": 70000, "message": "COMPLETED", "class": {"id": 7, "message": "COMPLETED"}},
        "product": {"id": 6418},
    }
    odd = json.dumps({**body, "status": "COMPLETED"}).encode()
    with serve_hook() as provider:
        provider.bodies = {"/v1/transactions": b"[" + odd + b"]", "/v1/transactions/7": json.dumps(body).encode()}
        words = ("transaction", "show", "by-hand-1", "--json", "--env", "sandbox", "--base-url", f"{provider.url}/v1")
        result = invoke(*words)
        [shown] = json.loads(result.stdout)
        assert "Warning" not in result.stderr  # nothing was skipped
        assert shown["id"] == 7
        provider.bodies["/v1/transactions/7"] = odd
        assert "can't be read" in invoke(*words, code=4).stderr
        provider.bodies["/v1/transactions"] = b"[]"
        assert "in this account" in invoke(*words, code=3).stderr


def test_a_transaction_is_confirmed_or_cancelled_by_hand_once(
    pay: Pay, create: Callable[..., Transaction], books: Callable[[], Any], wait_until: Any
) -> None:
    paid, dropped = create("by-hand-1"), create("by-hand-2")
    pay("transaction", "confirm", paid.id)
    pay("transaction", "cancel", dropped.id)
    assert "1007002" in pay("transaction", "confirm", paid.id, code=3).stderr
    assert "1007005" in pay("transaction", "cancel", dropped.id, code=3).stderr
    assert "1008004" in pay("transaction", "cancel", 1, code=3).stderr
    wait_until(lambda: [entry["status_class"] for entry in books()["transactions"]] == ["COMPLETED", "CANCELLED"])


@pytest.mark.parametrize(
    "fault", [{"kind": "drop", "first": 1}, {"kind": "drop"}, {"kind": "page_after"}], ids=["once", "always", "gateway"]
)
def test_an_unknown_outcome_is_never_told_as_a_refusal(
    pay: Pay,
    create: Callable[..., Transaction],
    sandbox: Any,
    credentials: tuple[str, str],
    books: Callable[[], Any],
    fault: dict[str, Any],
) -> None:
    paid = create("by-hand-1")
    fault = {**fault, "method": "POST", "path": "/async/transactions/*/confirm"}
    httpx2.put(f"{sandbox.address}/sandbox/faults", json=[fault], auth=credentials).raise_for_status()
    error = pay("transaction", "confirm", paid.id, code=4).stderr
    assert (
        f"confirmed and the beneficiary paid: find out with `bulk-topup transaction show {paid.id} --base-url" in error
    )
    assert books()["transactions"][0]["status_class"] != "CREATED"


def test_production_needs_a_confirmation_before_it_confirms(
    pay: Pay, create: Callable[..., Transaction], books: Any
) -> None:
    created = create("by-hand-1")
    result = pay("transaction", "confirm", created.id, "--env", "production", code=3)
    assert "Production needs confirmation, but there is no terminal. Add --yes." in result.stderr
    assert books()["transactions"][0]["status_class"] == "CREATED"
    pay("transaction", "confirm", created.id, "--env", "production", "--yes")
    assert books()["transactions"][0]["status_class"] != "CREATED"


def test_transactions_are_listed_by_time_and_status_as_csv(pay: Pay, create: Callable[..., Transaction]) -> None:
    create("by-hand-1")
    create("by-hand-2", auto_confirm=True)
    rows = list(csv.DictReader(io.StringIO(pay("transaction", "list", "--status", "CREATED", "--csv").stdout)))
    assert [(row["external id"], row["amount"], row["credit party"]) for row in rows] == [
        ("by-hand-1", "7.5 SGD", "'+6595123500")
    ]
    assert json.loads(pay("transaction", "list", "--from", "2020-01-01", "--to", "2020-01-03", "--json").stdout) == []
    assert "is not a time" in pay("transaction", "list", "--from", "yesterday", code=2).stderr
    assert "Choose --json or --csv." in pay("transaction", "list", "--json", "--csv", code=2).stderr


def test_pins_are_shown_only_on_request(pay: Pay, dvs: DVS, wait_until: Any) -> None:
    created = dvs.transactions.create_async(TransactionRequest(external_id="gift", product_id=8803, auto_confirm=True))
    wait_until(lambda: dvs.transactions.get(created.id).pin is not None)
    pin = dvs.transactions.get(created.id).pin
    assert pin is not None
    assert pin.code
    for words in (("show", created.id), ("show", created.id, "--json"), ("list",), ("list", "--csv")):
        assert pin.code not in pay("transaction", *words).stdout
        assert "••••" in pay("transaction", *words).stdout
    assert pin.code in pay("transaction", "show", created.id, "--reveal-pins").stdout


def test_promotions_are_in_the_requested_language(pay: Pay) -> None:
    spanish, english = (
        json.loads(pay("promotions", "--language", language, "--json").stdout) for language in ("es", "en")
    )
    assert [offer["id"] for offer in spanish] == [offer["id"] for offer in english]
    assert [offer["title"] for offer in spanish] != [offer["title"] for offer in english]
    assert {offer["content_language"] for offer in spanish} == {"es"}
    [one] = json.loads(pay("promotions", spanish[0]["id"], "--language", "es", "--json").stdout)
    assert one["title"] == spanish[0]["title"]
    assert json.loads(pay("campaigns", "--json").stdout)


def test_a_credit_party_is_looked_up(pay: Pay) -> None:
    bills = json.loads(
        pay("lookup", "statement", "30294429610", "--product", 9105, "--qualifier", "PREPAID", "--json").stdout
    )
    assert all(bill["balance"]["unit"] == "KES" for bill in bills)
    assert "1007500" in pay("lookup", "statement", "30294429610", "--product", 9240, code=3).stderr
    pay("lookup", "benefits", "+6595123100")
    assert "1007500" in pay("lookup", "benefits", "+6595123100", "--service", 1, code=3).stderr
    [dates] = json.loads(pay("lookup", "esim", "+6595123100", "--json").stdout)
    assert set(dates) == {"installation_date", "activation_date"}


def test_json_has_the_names_of_the_api(pay: Any, tmp_path: Path) -> None:
    (tmp_path / "bonus.csv").write_text("reference,phone,amount\n1000,+6595123100,5\n")
    pay("run", "bonus.csv", "--product", 6418)
    [shown] = json.loads(pay("transaction", "list", "--json").stdout)
    assert shown["status"]["class"] == {"id": 7, "message": "COMPLETED"}
    assert "class_" not in shown["status"]
