"""List, ledger, provider and wallet reconciled: agreement, each kind of discrepancy, and how each is resolved."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]

RUN = "list/pay"
PAYING = ("--product", 6418)


@pytest.fixture
def command(invoke: Pay) -> Pay:
    return invoke


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    file = tmp_path / "pay.csv"
    file.write_text("reference,phone,amount\nA,+6595123400,10\nB,+6595123401,20\nC,+6595123102,30\n")
    return file


@pytest.fixture
def paid(pay: Pay, list_: Path) -> Path:
    """Two completed rows on lines 2 and 3, and a declined one on line 4."""
    pay("run", list_, *PAYING, code=1)
    return list_


@pytest.fixture
def reconcile(pay: Pay) -> Callable[..., dict[str, Any]]:
    """Return a function that reconciles and returns what it found."""

    def run(*words: object, code: int = 1) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(pay("reconcile", *words, "--json", code=code).stdout)
        assert found["agrees"] is (code == 0)
        return found

    return run


@pytest.fixture
def edit(tmp_path: Path) -> Callable[..., None]:
    """Return a function that changes the ledger's database directly."""

    def execute(statement: str) -> None:
        with sqlite3.connect(tmp_path / "ledger.db") as connection:
            assert connection.execute(statement).rowcount
        connection.close()

    return execute


@pytest.fixture
def reverse(sandbox: Any, books: Books, credentials: tuple[str, str]) -> Callable[[str], None]:
    """Return a function that makes the provider reverse its payment to a number."""

    def reverse_payment(number: str) -> None:
        [paid] = [each["id"] for each in books()["transactions"] if each["credit_party"] == number]
        address = sandbox.base_url.removesuffix("/v1")
        httpx2.post(f"{address}/sandbox/transactions/{paid}/reverse", auth=credentials).raise_for_status()

    return reverse_payment


@pytest.fixture
def empty(tmp_path: Path, credentials: tuple[str, str]) -> Iterator[tuple[str, ...]]:
    """The options of a provider that has none of the sandbox's transactions."""
    key, secret = credentials
    config = SandboxConfig(api_key=key, api_secret=SecretStr(secret), balances={"USD": Decimal(1000)}, time_scale=0.001)
    with EmbeddedSandbox(config) as running:
        yield "--base-url", running.base_url, "--ledger", str(tmp_path / "ledger.db"), "--same-account"


def _kinds(found: dict[str, Any]) -> list[str]:
    return [discrepancy["kind"] for discrepancy in found["differences"]]


def test_a_run_whose_figures_all_agree_exits_0(pay: Pay, reconcile: Pay, paid: Path) -> None:
    found = reconcile(RUN, code=0)
    assert found["runs"] == [RUN]
    assert found["ledger"] == found["provider"]
    assert found["ledger"]["transactions"] == 3
    assert found["list"]["rows_in_file"] == found["list"]["rows"] == 3
    assert found["list"]["asked"] == {"SGD": "60"}
    output = pay("reconcile", paid, *PAYING).stdout
    assert "No discrepancies." in output
    assert reconcile(code=0)["ledger"] == found["ledger"]


@pytest.mark.usefixtures("paid")
def test_a_reversed_payment_is_named_and_applied(pay: Pay, reconcile: Pay, reverse: Pay, results: Pay) -> None:
    reverse("+6595123400")
    found = reconcile(RUN)
    assert [(each["kind"], each["line"]) for each in found["differences"]] == [("reversed_later", 2)]
    assert found["ledger"]["charged"] != found["provider"]["charged"]
    applied = reconcile(RUN, "--apply", code=0)
    assert [(each["before"], each["after"]) for each in applied["applied"]] == [("completed", "reversed")]
    assert applied["ledger"]["charged"] == applied["provider"]["charged"]
    pay("report", RUN)
    assert [row["result_state"] for row in results("list-pay")] == ["reversed", "completed", "failed"]


@pytest.mark.parametrize(
    ("statement", "kind", "after"),
    [
        ("UPDATE rows SET state = 'accepted' WHERE line = 2", "different_status", "completed"),
        ("UPDATE rows SET state = 'accepted' WHERE line = 4", "different_status", "failed"),
        ("UPDATE rows SET state = 'in_flight' WHERE line = 3", "in_flight_found", "completed"),
        ("UPDATE rows SET state = 'conflict', message = 'Gone.' WHERE line = 3", "conflict", "completed"),
        ("UPDATE rows SET state = 'failed' WHERE line = 2", "different_status", "conflict"),
    ],
)
@pytest.mark.usefixtures("paid")
def test_what_a_transaction_proves_is_applied_only_on_request(
    reconcile: Pay, edit: Pay, statement: str, kind: str, after: str
) -> None:
    edit(statement)
    assert _kinds(reconcile(RUN)) == [kind]
    assert _kinds(reconcile(RUN)) == [kind]
    found = reconcile(RUN, "--apply", code=1 if after == "conflict" else 0)
    assert [each["after"] for each in found["applied"]] == [after]


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("UPDATE attempts SET price = '0.01' WHERE row_id = 1", ["different_price"]),
        ("UPDATE attempts SET transaction_id = 5 WHERE row_id = 1", ["other_transaction"]),
        ("UPDATE attempts SET request = replace(request, '6418', '6430') WHERE row_id = 1", ["different_request"]),
        ("UPDATE attempts SET request = replace(request, ':10', ':99') WHERE row_id = 1", ["different_request"]),
        ("UPDATE attempts SET request = replace(request, '3400', '3499') WHERE row_id = 1", ["different_request"]),
        ("UPDATE rows SET attempt = 2 WHERE id = 1", ["earlier_attempt"]),
        (
            "UPDATE attempts SET external_id = 'list-aaaaaaaaaaaaaaaaaa-1' WHERE row_id = 1",
            ["missing_here", "different_request"],
        ),
        ('UPDATE rows SET cells = \'["A","+6595123400","11"]\' WHERE id = 1', ["list_changed"]),
        ("UPDATE rows SET in_list = 0 WHERE id = 3", ["list_new"]),
        ("UPDATE rows SET line = 5, cells = '[]' WHERE id = 3", ["list_new", "list_gone"]),
    ],
)
@pytest.mark.usefixtures("paid")
def test_what_no_transaction_proves_is_named_and_changes_no_row(
    reconcile: Pay, edit: Pay, tmp_path: Path, statement: str, kinds: list[str]
) -> None:
    edit(statement)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        before = connection.execute("SELECT id, state, message FROM rows").fetchall()
    found = reconcile(RUN, "--apply")
    assert _kinds(found) == kinds
    assert found["applied"] == []
    assert connection.execute("SELECT id, state, message FROM rows").fetchall() == before
    connection.close()


@pytest.mark.usefixtures("paid")
def test_what_the_provider_does_not_list_is_named_and_nothing_is_applied(invoke: Pay, empty: tuple[str, ...]) -> None:
    found = json.loads(invoke("reconcile", RUN, "--apply", "--json", *empty, code=1).stdout)
    assert _kinds(found) == ["missing_there"] * 3
    assert (found["provider"]["transactions"], found["ledger"]["transactions"]) == (0, 3)
    assert found["applied"] == []


@pytest.mark.usefixtures("paid")
def test_a_row_in_flight_that_the_provider_does_not_list_is_a_discrepancy(
    invoke: Pay, edit: Pay, empty: tuple[str, ...]
) -> None:
    edit("UPDATE rows SET state = 'in_flight' WHERE line < 9")
    edit("UPDATE attempts SET transaction_id = NULL, creation_date = NULL")
    found = json.loads(invoke("reconcile", RUN, "--apply", "--json", *empty, code=1).stdout)
    assert _kinds(found) == ["in_flight"] * 3


@pytest.mark.usefixtures("paid")
def test_without_a_run_every_transaction_that_the_ledger_does_not_have_is_named(
    pay: Pay, invoke: Pay, reconcile: Pay, sandbox: Any, tmp_path: Path
) -> None:
    other = tmp_path / "bonus.csv"
    other.write_text("phone,amount\n+6595123410,7\n")
    pay("run", other, *PAYING)
    assert reconcile(code=0)["runs"] == [RUN, "list/bonus"]
    assert reconcile(RUN, code=0)["foreign"]["transactions"] == 1
    invoke("run", other, *PAYING, "--run-key", "x", "--base-url", sandbox.base_url, "--ledger", tmp_path / "others.db")
    found = reconcile()
    assert _kinds(found) == ["missing_here"]
    assert found["provider"]["asked"] == {"SGD": "74"}


@pytest.fixture
def pay_otherwise(sandbox: Any, credentials: tuple[str, str]) -> Callable[[str], None]:
    """Return a function that pays two SGD under an external ID, as another program does."""

    def create(external_id: str) -> None:
        body = {
            "external_id": external_id,
            "product_id": 6418,
            "auto_confirm": True,
            "calculation_mode": "DESTINATION_AMOUNT",
            "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 2},
            "credit_party_identifier": {"mobile_number": "+6595123477"},
        }
        url = f"{sandbox.base_url}/async/transactions"
        httpx2.post(url, json=body, auth=credentials).raise_for_status()

    return create


@pytest.mark.usefixtures("paid")
def test_transactions_of_other_programs_are_summed_apart_and_no_discrepancies_unless_the_account_is_our_own(
    pay: Pay, reconcile: Pay, pay_otherwise: Callable[[str], None], books: Books
) -> None:
    for external_id in ("4711", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "list-1"):
        pay_otherwise(external_id)
    found = reconcile(code=0)
    others = [each for each in books()["transactions"] if each["credit_party"] == "+6595123477"]
    costs = [Decimal(str(each["price"])) + Decimal(str(each["fee"])) for each in others]
    assert found["other_programs"] == found["foreign"]
    assert found["other_programs"]["transactions"] == len(costs) == 3
    assert found["other_programs"]["asked"] == {"SGD": "6"}
    sums = [found["other_programs"][name].get("USD", "0") for name in ("charged", "held")]
    assert sum(map(Decimal, sums)) == sum(costs)
    assert found["ledger"] == found["provider"]
    assert reconcile(RUN, code=0)["other_programs"]["transactions"] == 3
    for words in ((), (RUN,)):
        strict = reconcile(*words, "--strict")
        assert _kinds(strict) == ["missing_here"] * 3
        assert strict["other_programs"]["transactions"] == strict["foreign"]["transactions"] == 0
    output = pay("reconcile", code=0)
    assert "other programs" in output.stdout
    assert "No discrepancies." in output.stdout


@pytest.mark.usefixtures("paid")
def test_what_another_ledger_of_ours_may_have_sent_is_never_counted_as_another_programs(
    reconcile: Pay, pay_otherwise: Callable[[str], None]
) -> None:
    pay_otherwise("bonus-aaaaaaaaaaaaaaaaaa-1")
    assert _kinds(reconcile()) == ["missing_here"]
    found = reconcile(RUN, code=0)
    assert (found["foreign"]["transactions"], found["other_programs"]["transactions"]) == (1, 0)
    pay_otherwise("list-aaaaaaaaaaaaaaaaaa-1")
    pay_otherwise("LIST-BBBBBBBBBBBBBBBBBB-1")
    assert _kinds(reconcile()) == ["missing_here"] * 3
    assert _kinds(reconcile(RUN)) == ["missing_here"] * 2


@pytest.mark.usefixtures("paid")
def test_a_window_of_more_than_a_day_is_read_in_parts(reconcile: Pay) -> None:
    now = datetime.now(UTC)
    start, end = (now - timedelta(days=3)).isoformat(), (now + timedelta(days=3)).isoformat()
    assert reconcile("--from", start, "--to", end, code=0)["ledger"]["transactions"] == 3
    earlier = (now - timedelta(days=2)).isoformat()
    assert reconcile(RUN, "--from", start, "--to", earlier, code=0)["ledger"]["transactions"] == 0


@pytest.mark.usefixtures("paid")
def test_a_wallet_that_moves_unlike_the_listed_transactions_is_a_discrepancy(
    pay: Pay, reconcile: Pay, reverse: Pay, tmp_path: Path
) -> None:
    first = reconcile(RUN, code=0)
    assert [wallet["moved"] for wallet in first["wallets"]] == [None, None]
    more = tmp_path / "bonus.csv"
    more.write_text("phone,amount\n+6595123410,7\n")
    pay("run", more, *PAYING)
    second = reconcile(code=0)
    [euro, dollar] = sorted(second["wallets"], key=lambda wallet: wallet["unit"])
    assert euro["moved"] == euro["listed"] == "0"
    assert (
        dollar["moved"]
        == dollar["listed"]
        == "-" + str(Decimal(second["ledger"]["charged"]["USD"]) - Decimal(first["ledger"]["charged"]["USD"]))
    )
    reverse("+6595123401")
    third = reconcile("--apply")
    assert third["counts"]["balance"] == 1
    assert reconcile(code=0)["counts"] == {}


@pytest.mark.usefixtures("paid")
def test_a_provider_that_does_not_respond_exits_with_4(invoke: Pay, tmp_path: Path) -> None:
    unreachable = ("--base-url", "http://127.0.0.1:9/v1", "--ledger", tmp_path / "ledger.db", "--same-account")
    output = invoke("reconcile", RUN, *unreachable, "--timeout", "0.2", code=4)
    assert "\nError:" in output.stderr  # after the rate


@pytest.mark.usefixtures("paid")
def test_a_locked_run_is_not_reconciled(pay: Pay, tmp_path: Path) -> None:
    with run_lock(tmp_path / "ledger.db", "list", "pay"):
        pay("reconcile", RUN, code=5)
        pay("reconcile", code=5)


def test_a_lost_ledger_is_rebuilt_without_sending_and_nobody_is_paid_twice(
    pay: Pay, reconcile: Pay, books: Books, results: Pay, agree: Pay, paid: Path, tmp_path: Path
) -> None:
    pay("retry", RUN, "--all-failed", code=1)
    paid.write_text(paid.read_text() + "D,+6595123403,5\n")
    before = books()
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    rebuilt = reconcile("--rebuild", paid, *PAYING, code=0)
    assert rebuilt["rebuilt_rows"] == 3
    assert rebuilt["list"]["states"].keys() == {"completed", "failed", "pending"}
    assert books() == before
    pay("report", RUN)
    rows = results("list-pay")
    agree(rows, before)
    assert [(row["result_state"], row["result_attempt"]) for row in rows] == [
        ("completed", "1"),
        ("completed", "1"),
        ("failed", "2"),
        ("pending", "0"),
    ]
    pay("run", paid, *PAYING, code=1)
    assert len(books()["transactions"]) == len(before["transactions"]) + 1
    assert (
        "has sent rows of run list/pay. Nothing was rebuilt."
        in pay("reconcile", "--rebuild", paid, *PAYING, code=3).stderr
    )


def test_transactions_outside_the_window_are_fetched_one_by_one(
    reconcile: Pay, pay: Pay, paid: Path, tmp_path: Path
) -> None:
    pay("retry", RUN, "--all-failed", code=1)
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    window = ("--from", "2031-01-01", "--to", "2031-01-01T01:00")
    assert reconcile("--rebuild", paid, *PAYING, *window, code=0)["rebuilt_rows"] == 3
    assert reconcile(RUN, code=0)["ledger"]["transactions"] == 4


def test_a_conflict_is_listed_and_resolved_by_a_person(
    pay: Pay, books: Books, results: Pay, reconcile: Pay, tmp_path: Path
) -> None:
    list_ = tmp_path / "pay.csv"
    list_.write_text("reference,phone,amount\nA,+6595123500,7\n")
    pay("run", list_, *PAYING)
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    list_.write_text("reference,phone,amount\nA,+6595123500,5\n")
    pay("run", list_, *PAYING, code=1)
    [conflict] = json.loads(pay("conflict", "list", "--json").stdout)
    assert (conflict["run"], conflict["line"], conflict["state"]) == (RUN, 2, "conflict")
    assert "conflict list list/pay" in pay("status", RUN).stdout
    assert "conflict resolve list/pay" in next(tmp_path.glob("reports/list-pay/*not-completed*")).read_text()
    resolve = ("conflict", "resolve", RUN, "--rows", 2, "--yes", "--reason", "ticket 4711")
    refused = pay(*resolve, "--state", "failed", code=3).stderr
    assert "credits the same beneficiary" in refused
    assert "Resolve it as completed" in pay(*resolve, "--state", "reversed", code=3).stderr
    assert json.loads(pay(*resolve, "--state", "completed", "--json").stdout)["resolved"] == 1
    assert reconcile(RUN, code=0)["ledger"] == reconcile(RUN, code=0)["provider"]
    pay("report", RUN)
    [row] = results("list-pay")
    assert row["result_state"] == "completed"
    assert Decimal(row["result_price"]) == Decimal(books()["wallets"]["USD"]["spent"])
    assert "no conflict on line 2" in pay(*resolve, "--state", "failed", code=3).stderr


def test_a_list_mismatch_is_acknowledged_by_a_person_once(pay: Pay, reconcile: Pay, paid: Path) -> None:
    paid.write_text(paid.read_text().replace("400,10", "400,11"))
    pay("run", paid, *PAYING, code=1)
    assert _kinds(reconcile(RUN)) == ["contradicted"]
    resolve = ("conflict", "resolve", RUN, "--rows", 2, "--yes", "--reason", "paid by cheque")
    assert "no conflict on line 2" in pay(*resolve, "--state", "failed", code=3).stderr
    assert json.loads(pay(*resolve, "--state", "completed", "--json").stdout)["acknowledged"] == [2]
    reconcile(RUN, code=0)
    pay("run", paid, *PAYING, code=1)
    assert json.loads(pay("conflict", "list", "--json").stdout) == []
    paid.write_text(paid.read_text().replace("400,11", "400,12"))
    pay("run", paid, *PAYING, code=1)
    assert _kinds(reconcile(RUN)) == ["contradicted"]


@pytest.mark.usefixtures("paid")
def test_a_purged_run_is_reconciled_by_its_money_and_its_reversals_are_applied(
    pay: Pay, reconcile: Pay, reverse: Pay, tmp_path: Path
) -> None:
    pay("retry", RUN, "--all-failed", code=1)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        ledger.purges.purge(ledger.runs.named(RUN))
    found = reconcile(RUN, code=0)
    assert found["ledger"] == found["provider"]
    assert "personal data" in found["list"]["unread"]
    reverse("+6595123400")
    applied = reconcile(RUN, "--apply")["applied"]
    assert [each["after"] for each in applied] == ["reversed"]
    reconcile(RUN, code=0)


def test_a_rebuilt_run_has_its_pins_again(pay: Pay, reconcile: Pay, root: Path, tmp_path: Path) -> None:
    list_ = root / "sample_files/gift_cards.csv"
    pay("run", list_)
    pay("report", "list/gift_cards", "--reveal-pins", "--format", "jsonl", "--report-dir", "before")
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    reconcile("--rebuild", list_, code=0)
    pay("report", "list/gift_cards", "--reveal-pins", "--format", "jsonl", "--report-dir", "after")
    pins = [
        [json.loads(line)["pin_code"] for line in (tmp_path / folder / "results.jsonl").read_text().splitlines()]
        for folder in ("before", "after")
    ]
    assert pins[0] == pins[1]
    assert None not in pins[0]
