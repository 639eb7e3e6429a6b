"""Spellings of one beneficiary, in a list and against its run: who was paid how often, by the provider's books."""

import csv
import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bulk_topup import plan_list, run_job
from bulk_topup.errors import RowsRefusedError
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.rebuild import RebuildQueries
from tests.helpers.earlier_ledgers import write_earlier

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]
Row = Mapping[str, object]

FIELDS = {
    "mobile": "credit_party_identifier.mobile_number",
    "account": "credit_party_identifier.account_number",
    "qualifier": "credit_party_identifier.account_qualifier",
    "bill": "statement_identifier.reference",
    "ref": "reference",
    "amount": "amount",
}
PRODUCTS = {"mobile": 6418, "account": 9240, "ref": 8803}
NEXT_MONTH = ("--run-key", "december", "--pay-again", "the next month")
REASON = ("--reason", "two meters, says the landlord")


@pytest.fixture
def pay_rows(pay: Pay, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that writes a list of rows and runs a command on it."""

    def run(*rows: Row, options: tuple[object, ...] = (), code: int = 0, command: str = "run") -> Any:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with (tmp_path / "list.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        product = 9105 if "bill" in columns else PRODUCTS[columns[0]]
        mapping = [word for name in columns for word in ("--map", f"{FIELDS[name]}={name}")]
        return pay(command, "list.csv", "--product", product, *mapping, *options, code=code)

    return run


@pytest.fixture
def paid(books: Books) -> Callable[[], Counter[str]]:
    """Return a function that counts the provider's transactions by the credited number or account."""

    def count() -> Counter[str]:
        return Counter(entry["credit_party"] for entry in books()["transactions"])

    return count


def account(number: str, amount: int = 5000) -> Row:
    return {"account": number, "amount": amount}


def mobile(number: str, amount: int = 5) -> Row:
    return {"mobile": number, "amount": amount}


def bill(number: str, qualifier: str, reference: str) -> Row:
    return {"account": number, "qualifier": qualifier, "bill": reference, "amount": 100}


#: Spellings of one beneficiary: the row in the list changes from the first to the second.
EQUAL = [
    pytest.param(account("095 325 68161"), account("09532568161"), id="white space"),
    pytest.param(account("77\u201312"), account("77-12"), id="dash"),
    pytest.param(bill("4711", "PREPAID", "B-1"), bill("4711", "prepaid", "B-1"), id="case of the qualifier"),
    pytest.param(bill("4711", "PREPAID", "B-1"), bill("4711", "PREPAID", "b\u20111"), id="case and dash of the bill"),
    pytest.param(mobile("+551187654321"), mobile("+5511987654321"), id="Brazil's ninth digit"),
    pytest.param({**account("4711"), "ref": "E-1"}, {**account("4711"), "ref": "e\u20131 "}, id="reference"),
    pytest.param(
        {**account("4711 a"), "ref": "E-1"}, {**account("4711a"), "ref": "E-1"}, id="account of a row with a reference"
    ),
]
NEAR = [
    pytest.param(account("03029442961"), account("3029442961"), id="leading zero"),
    pytest.param(account("095 325 68161"), account("95325 68161"), id="leading zero and white space"),
    pytest.param(account("1-23"), account("12-3"), id="separators"),
    pytest.param(account("ab12"), account("AB12"), id="case"),
    pytest.param(mobile("+541123456789"), mobile("+5491123456789"), id="Argentina's 9"),
    pytest.param(bill("4711", "PRE-PAID", "B-1"), bill("4711", "prepaid", "B-1"), id="separators of the qualifier"),
    pytest.param(bill("4711", "PREPAID", "B-1"), bill("4711", "PREPAID", "B1"), id="separators of the bill"),
]


@pytest.mark.parametrize(("before", "after"), EQUAL)
def test_an_equal_spelling_is_the_same_row_and_no_list_mismatch(
    pay_rows: Pay, paid: Pay, before: Row, after: Row
) -> None:
    pay_rows(before)
    once = paid()
    assert once.total() == 1
    for _ in range(2):
        assert "1 of 1 row completed" in pay_rows(after).stdout
        assert paid() == once


@pytest.mark.parametrize(("before", "after"), NEAR)
def test_a_near_spelling_whose_counterpart_left_the_list_is_not_sent_and_a_list_mismatch(
    pay_rows: Pay, pay: Pay, paid: Pay, before: Row, after: Row
) -> None:
    pay_rows(before)
    once = paid()
    for _ in range(2):
        pay_rows(after, code=1)
        assert paid() == once
    shown = pay("conflict", "list", "list/list", "--json").stdout
    [name] = [name for name in before if before[name] != after[name]]
    assert str(before[name]) in shown
    assert str(after[name]) in shown


@pytest.mark.parametrize(("first", "second"), EQUAL[:3] + EQUAL[4:5])
def test_equal_spellings_in_one_list_are_duplicates_that_may_be_allowed(
    pay_rows: Pay, paid: Pay, first: Row, second: Row
) -> None:
    result = pay_rows(first, second, code=3)
    assert "Duplicate of line 2" in result.stdout
    assert not paid()
    pay_rows(first, second, options=("--allow-duplicates",))
    assert paid().total() == 2


@pytest.mark.parametrize("allowed", [(), ("--allow-duplicates",)])
@pytest.mark.parametrize(("first", "second"), NEAR)
def test_near_spellings_in_one_list_are_refused_until_a_person_says_that_they_are_not_the_same(
    pay_rows: Pay, paid: Pay, first: Row, second: Row, allowed: tuple[str, ...]
) -> None:
    if first.get("qualifier") == second.get("qualifier") and "bill" in first:
        allowed = ("--allow-duplicates",)  # two bills of one account are duplicates otherwise
    result = pay_rows(first, second, options=allowed, code=3)
    text = " ".join(result.stdout.split())
    assert "--not-the-same 3" in text
    assert not paid()
    pay_rows(first, second, options=(*allowed, "--skip-refused"), code=1)
    assert paid().total() == 1
    pay_rows(first, second, options=(*allowed, "--not-the-same", 3, *REASON))
    assert paid().total() == 2
    # The next list is not asked again, in any order.
    pay_rows(second, first, options=(*allowed, *NEXT_MONTH))
    assert paid().total() == 4


def test_a_bill_with_and_without_its_reference_is_one_row_or_a_possible_duplicate(pay_rows: Pay, paid: Pay) -> None:
    def row(reference: str) -> Row:
        return {**account("4711"), "bill": reference}

    product = ("--product", 9240)
    pay_rows(row("B-1"), options=product)
    pay_rows(row(""), options=product, code=1)
    pay_rows(row("b-1"), options=product)
    assert paid() == {"4711": 1}
    both = (*product, "--allow-duplicates", *NEXT_MONTH)
    assert "B-1" in pay_rows(row("B-1"), row(""), options=both, code=3).stdout
    assert paid() == {"4711": 1}
    pay_rows(row("B-1"), row(""), options=(*both, "--not-the-same", 3, *REASON))
    assert paid() == {"4711": 3}


def test_two_bills_of_one_account_are_two_payments(pay_rows: Pay, paid: Pay) -> None:
    bills = [bill("4711", "PREPAID", f"B-{number}") for number in range(3)]
    pay_rows(*bills, options=("--allow-duplicates",))
    assert paid() == {"4711": 3}


def test_the_row_that_was_not_sent_is_refused_wherever_it_is(pay_rows: Pay, paid: Pay) -> None:
    pay_rows(account("012"))
    pay_rows(account("12"), account("012"), options=("--skip-refused",), code=1)
    assert paid() == {"012": 1}
    pay_rows(account("12"), account("012"), options=("--not-the-same", 2, *REASON))
    assert paid() == {"012": 1, "12": 1}


def test_a_respelled_row_that_is_another_beneficiary_is_paid_once_a_person_says_so(pay_rows: Pay, paid: Pay) -> None:
    pay_rows(account("012"))
    pay_rows(account("12"), code=1)
    assert paid() == {"012": 1}
    # The other one left the list, and the run has nothing left to send.
    pay_rows(account("12"), options=("--not-the-same", 2, *REASON), code=3)
    pay_rows(account("12"), options=("--not-the-same", 2, *REASON, "--add"), code=1)  # the mismatch stays
    assert paid() == {"012": 1, "12": 1}
    pay_rows(account("012"), account("12"), options=("--add",), code=3)  # in two lists now
    assert paid() == {"012": 1, "12": 1}


def test_a_spreadsheet_that_drops_zeros_of_all_accounts_pays_nobody_again(pay_rows: Pay, paid: Pay) -> None:
    numbers = [f"00{number}" for number in range(800, 830)]
    pay_rows(*map(account, numbers))
    once = paid()
    assert set(once.values()) == {1}
    dropped = [account(number.lstrip("0")) for number in numbers]
    pay_rows(*dropped, code=1)
    assert paid() == once
    # As an addition, each may be another beneficiary beside the one that stays.
    pay_rows(*dropped, account("777"), options=("--add",), code=3)
    pay_rows(*dropped, account("777"), options=("--add", "--skip-refused"), code=1)
    assert paid() == once + Counter({"777": 1})


def test_an_unsent_row_is_sent_as_the_list_spells_it_now(pay_rows: Pay, paid: Pay, results: Pay) -> None:
    pay_rows(account("095 325", amount=1), account("7800"), options=("--skip-refused",), code=1)
    assert paid() == {"7800": 1}
    pay_rows(account("095325"), account("7800"))
    assert [row["result_state"] for row in results("list-list")] == ["completed", "completed"]  # no second row of it
    assert paid() == {"095325": 1, "7800": 1}


def test_near_parties_of_another_reference_or_product_are_possible_duplicates(pay_rows: Pay, paid: Pay) -> None:
    pay_rows({**account("012"), "ref": "A"})
    renamed = pay_rows({**account("12"), "ref": "B"}, code=3)
    assert "was already sent product 9240 for 012" in " ".join(renamed.stdout.split())
    assert paid() == {"012": 1}
    pay_rows({**account("12"), "ref": "B"}, options=("--not-the-same", 2, *REASON, "--add"))
    assert paid() == {"012": 1, "12": 1}


def test_near_references_of_one_list_are_possible_duplicates(pay_rows: Pay, books: Books) -> None:
    result = pay_rows({"ref": "GC-001"}, {"ref": "gc001"}, code=3)
    assert "--not-the-same 3" in " ".join(result.stdout.split())
    assert books()["transactions"] == []


def test_a_decision_needs_lines_and_a_reason_and_no_schedule_makes_it(pay_rows: Pay, paid: Pay) -> None:
    rows = (account("012"), account("12"))
    assert "Add --reason TEXT" in pay_rows(*rows, options=("--not-the-same", 3), code=2).stderr
    assert "--reason is for --not-the-same" in pay_rows(*rows, options=REASON, code=2).stderr
    both = ("--not-the-same", 3, *REASON, "--scheduled")
    assert "one list" in pay_rows(*rows, options=both, code=2).stderr
    assert "The reason is empty" in pay_rows(*rows, options=("--not-the-same", 3, "--reason", " "), code=2).stderr
    assert not paid()


def test_a_plan_keeps_no_decision(pay_rows: Pay, tmp_path: Path, paid: Pay) -> None:
    rows = (account("012"), account("12"))
    pay_rows(*rows, options=("--not-the-same", 3, *REASON), command="plan")
    pay_rows(*rows, command="plan", code=3)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        assert ledger.not_the_same.find("account:12") == []
    pay_rows(*rows, options=("--not-the-same", 3, *REASON))
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        [pair] = ledger.not_the_same.find("account:12")
    assert (pair.key, pair.other, pair.reason) == ("account:12", "account:12\t012", REASON[1])
    assert paid() == {"012": 1, "12": 1}


def test_scripts_decide_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Any, credentials: tuple[str, str], paid: Pay
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.csv").write_text("account,amount\n012,5000\n12,5000\n")
    Path("job.toml").write_text(
        'name = "bills"\nrun_key = "1"\nlist = "list.csv"\nproduct = 9240\n'
        '[columns]\namount = "amount"\n"credit_party_identifier.account_number" = "account"\n'
    )
    keys = {"DVS_API_KEY": credentials[0], "DVS_API_SECRET": credentials[1]}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    where: dict[str, Any] = {"base_url": sandbox.base_url, "ledger": "ledger.db"}
    assert plan_list("job.toml", **where).refused == 1
    with pytest.raises(RowsRefusedError):
        run_job("job.toml", **where)
    with pytest.raises(ValueError, match="belong together"):
        run_job("job.toml", **where, not_the_same=[3])
    assert not paid()
    decided: dict[str, Any] = {"not_the_same": [3], "reason": REASON[1]}
    assert plan_list("job.toml", **where, **decided).refused == 0
    assert run_job("job.toml", **where, **decided, poll_interval=0.05).exit_code == 0
    assert paid() == {"012": 1, "12": 1}


def test_a_plan_shows_the_whole_command_that_pays_rows_which_are_not_the_same(
    pay_rows: Pay, pay: Pay, paid: Pay
) -> None:
    rows = [account(number) for number in ("012", "12", "7", "07", "007")]
    shown = pay_rows(*rows, code=3).stdout
    [command] = [line.strip() for line in shown.splitlines() if line.strip().startswith("bulk-topup run list.csv")]
    assert command.endswith("--not-the-same 3,5-6 --reason TEXT")
    program, *words = shlex.split(command)
    words[words.index("--base-url") : words.index("--ledger") + 2] = []  # `pay` adds them again
    assert program == "bulk-topup"
    pay(*words)
    assert paid() == {"012": 1, "12": 1, "7": 1, "07": 1, "007": 1}


def test_near_spellings_of_other_runs_are_asked_about_once(pay_rows: Pay, paid: Pay) -> None:
    pay_rows(account("012"), options=("--run-key", "1"))
    others = [account("7800"), account("7801"), account("7802")]
    refused = pay_rows(account("12"), *others, options=("--run-key", "2"), code=3).stdout
    assert "or --not-the-same 2 --reason TEXT" in re.sub(r"[│\s]+", " ", refused)
    assert paid() == {"012": 1}
    pay_rows(account("12"), *others, options=("--run-key", "2", "--not-the-same", 2, *REASON))
    assert paid() == {"012": 1, "12": 1, "7800": 1, "7801": 1, "7802": 1}
    again = ("--run-key", "3")
    pay_rows(account("12", 6000), account("012", 6000), options=again)
    pay_rows(account("12"), account("012", 6000), options=again, code=1)
    assert (paid()["12"], paid()["012"]) == (2, 2)


def test_each_bill_of_an_account_is_a_payment_of_its_own_in_any_run(pay_rows: Pay, paid: Pay) -> None:
    for month in (10, 11, 12):
        pay_rows(bill("4711", "PREPAID", f"INV-{month}"), options=("--run-key", month))
    assert paid() == {"4711": 3}
    pay_rows(bill("4711", "prepaid", "inv\u201312"), options=("--run-key", "again"), code=3)
    pay_rows(bill("4711", "PREPAID", "INV12"), options=("--run-key", "again"), code=3)
    assert paid() == {"4711": 3}


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ({"ref": "0012", "amount": 25}, {"ref": "12", "amount": 25}, "(product 8803) for reference 0012 on"),
        (bill("4711", "PREPAID", "0012"), bill("4711", "PREPAID", "12"), "for 4711, bill 0012 on"),
        (account("0012"), account("12"), "for 0012 on"),
    ],
)
def test_what_another_run_paid_with_zeros_that_a_spreadsheet_dropped_is_named_with_them(
    pay_rows: Pay, books: Books, before: Row, after: Row, named: str
) -> None:
    pay_rows(before, options=("--run-key", "november"))
    shown = pay_rows(after, options=("--run-key", "december"), code=3).stdout
    text = re.sub(r"[│\s]+", " ", shown)
    assert named in text
    assert "--not-the-same 2 --reason TEXT if it is another beneficiary" in text
    assert len(books()["transactions"]) == 1


KEY = ("--run-key", "Rewards")


@pytest.fixture
def lose(tmp_path: Path) -> Callable[[], None]:
    """Return a function that deletes the ledger."""

    def delete() -> None:
        for file in tmp_path.glob("ledger.db*"):
            file.unlink()

    return delete


@pytest.mark.parametrize(("before", "after"), EQUAL)
def test_a_lost_ledger_and_a_respelled_list_pay_nobody_again(
    pay_rows: Pay, paid: Pay, lose: Pay, before: Row, after: Row
) -> None:
    pay_rows(before, options=KEY)
    first = paid()
    lose()
    pay_rows(after, options=("--run-key", "rewards "))
    assert paid() == first
    assert sum(first.values()) == 1


@pytest.mark.parametrize(("before", "after"), [EQUAL[0], EQUAL[2], EQUAL[4], EQUAL[5]])
def test_a_lost_ledger_of_an_earlier_version_and_a_respelled_list_are_paid_only_after_a_rebuild(
    pay_rows: Pay, paid: Pay, lose: Pay, tmp_path: Path, before: Row, after: Row
) -> None:
    write_earlier(tmp_path / "ledger.db", ("list", "Rewards"))
    pay_rows(before, options=KEY)
    first = paid()
    lose()
    refused = pay_rows(after, options=KEY, code=3)
    assert "under the external IDs of two versions or spellings" in refused.stderr
    rebuilt = pay_rows(after, options=(*KEY, "--rebuild", "--json"), command="reconcile")
    assert json.loads(rebuilt.stdout)["rebuilt_rows"] == 1
    pay_rows(after, options=KEY)
    assert paid() == first
    assert sum(first.values()) == 1


@pytest.mark.parametrize(
    "rows",
    [
        ({**account("4711"), "ref": "E-1"}, {**account("4712"), "ref": "7"}, {**account("4713"), "ref": "e-3"}),
        (account("47 11"), account("4712")),
    ],
)
def test_a_lost_ledger_of_an_earlier_version_and_its_list_as_it_was_go_on_without_a_rebuild(
    pay_rows: Pay, paid: Pay, lose: Pay, tmp_path: Path, rows: tuple[Row, ...]
) -> None:
    """Rows that are written in their one form have the same IDs in all versions."""
    write_earlier(tmp_path / "ledger.db", ("list", "rewards"))
    pay_rows(*rows, options=("--run-key", "rewards"))
    first = paid()
    lose()
    pay_rows(*rows, options=("--run-key", "rewards"))
    assert paid() == first


def test_a_lost_ledger_of_an_earlier_version_is_found_by_the_spelling_that_was_sent(
    pay_rows: Pay, paid: Pay, lose: Pay, tmp_path: Path
) -> None:
    """No likely spelling has these blanks, so only DVS's list says which account the run paid."""
    write_earlier(tmp_path / "ledger.db", ("list", "Rewards"))
    pay_rows(account("0 302 9442961"), options=KEY)
    lose()
    more = [account(f"47{number}") for number in range(12)]
    pay_rows(*more, account("03029442961"), options=KEY, code=3)
    rebuilt = pay_rows(*more, account("03029442961"), options=(*KEY, "--rebuild", "--json"), command="reconcile")
    assert json.loads(rebuilt.stdout)["rebuilt_rows"] == 1
    pay_rows(*more, account("03029442961"), options=KEY)
    assert paid()["03029442961"] == 0
    assert paid()["0 302 9442961"] == 1
    assert sum(paid().values()) == 1 + len(more)


def test_a_list_that_is_respelled_in_part_is_rebuilt_and_pays_nobody_before_that_has_ended(
    pay_rows: Pay, paid: Pay, lose: Pay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_earlier(tmp_path / "ledger.db", ("list", "Rewards"))
    pay_rows({**account("4711"), "ref": "E-1"}, {**account("4712"), "ref": "E-2"}, options=KEY)
    first = paid()
    lose()
    after = ({**account("4711"), "ref": "E-1"}, {**account("4712"), "ref": "e-2"}, {**account("4713"), "ref": "e-3"})
    pay_rows(*after, options=KEY, code=3)

    def interrupt(_queries: RebuildQueries, _run: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RebuildQueries, "start", interrupt)  # the list is merged, and nothing is looked up yet
        pay_rows(*after, options=(*KEY, "--rebuild"), command="reconcile", code=75)
    for command in ("plan", "run"):
        refused = pay_rows(*after, options=KEY, command=command, code=3).stderr
        assert "A rebuild of run list/Rewards was interrupted" in refused
    rebuilt = pay_rows(*after, options=(*KEY, "--rebuild", "--json"), command="reconcile")
    assert json.loads(rebuilt.stdout)["rebuilt_rows"] == 2
    pay_rows(*after, options=KEY)
    assert paid() == first + Counter({"4713": 1})


def test_a_rebuild_lets_a_person_review_what_another_reference_may_have_paid(
    pay_rows: Pay, pay: Pay, paid: Pay, lose: Pay, tmp_path: Path
) -> None:
    """Nobody can guess the spelling `E 2`, but DVS has the same payment under an ID of this job."""
    write_earlier(tmp_path / "ledger.db", ("list", "Rewards"))
    before = ("E-1", "E 2", "E 3", "E 4")
    pay_rows(*({**account(f"47{number}"), "ref": ref} for number, ref in enumerate(before)), options=KEY)
    first = paid()
    lose()
    after = [{**account(f"4 7{number}"), "ref": f"e-{number + 1}"} for number in range(3)]
    after += [{**account("473", 6000), "ref": "e-4"}, {**account("474"), "ref": "e-5"}]
    pay_rows(*after, options=KEY, code=3)
    pay_rows(*after, options=(*KEY, "--rebuild"), command="reconcile", code=1)
    pay_rows(*after, options=KEY, code=1)
    # Another amount is another payment.
    assert paid() == first + Counter({"473": 1, "474": 1})
    shown = json.loads(pay("conflict", "list", "list/Rewards", "--json").stdout)
    assert [each["line"] for each in shown] == [3, 4]
    name, reason = "list/Rewards", ("--reason", "looked it up")
    pay("conflict", "resolve", name, "--rows", 3, "--state", "completed", *reason, "--yes")
    pay("conflict", "resolve", name, "--rows", 4, "--state", "failed", *reason, "--yes")
    pay("retry", name, "--rows", 4)
    assert paid() == first + Counter({"473": 1, "474": 1, "4 72": 1})


@pytest.mark.parametrize(
    ("after", "found", "code", "more"),
    [
        pytest.param(
            (bill("4711", "pRE", "b-1"), bill("4711", "Pre", "B-0"), bill("4712", "pRE", "B-2")), 3, 0, (), id="spelled"
        ),
        pytest.param((bill("4711", "Pre", "B-1"), bill("4711", "Pre", "B-3")), 1, 1, ("4711",), id="another bill"),
    ],
)
def test_a_rebuild_knows_the_bills_of_an_account_that_an_earlier_version_numbered(
    pay_rows: Pay, paid: Pay, lose: Pay, tmp_path: Path, after: tuple[Row, ...], found: int, code: int, more: Any
) -> None:
    write_earlier(tmp_path / "ledger.db", ("list", "Rewards"))
    options = (*KEY, "--allow-duplicates")
    pay_rows(bill("4711", "Pre", "B-0"), bill("4711", "Pre", "B-1"), bill("4712", "Pre", "B-2"), options=options)
    first = paid()
    lose()
    pay_rows(*after, options=options, code=3)
    rebuilt = pay_rows(*after, options=(*options, "--rebuild", "--json"), command="reconcile", code=code)
    assert json.loads(rebuilt.stdout)["rebuilt_rows"] == found
    pay_rows(*after, options=options)
    assert paid() == first + Counter(more)
