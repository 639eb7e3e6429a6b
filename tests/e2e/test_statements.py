"""What accounts owe is asked for and paid once: not again by a second start, a retry, a rebuild or another run."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import openpyxl
import pytest

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]

FIRST, SECOND, THIRD = "30294429610", "30294429611", "30294429619"
NOTHING, NO_DEBT, REFUSED, UNSTATED = "30294429000", "30294429010", "30294429110", "30294429113"
UNREADABLE = "30294429114"
#: An account whose payments are declined.
DECLINED = "30294429102"
ASKING = ("--product", 9105, "--amount", "statement", "--bill", "oldest")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a list of accounts by its name."""

    def make(name: str, *accounts: str, header: str = "account_number", more: str = "") -> Path:
        path = tmp_path / name
        rows = "".join(f"{account},PREPAID{more}\n" for account in accounts)
        path.write_text(f"{header},account_qualifier{',amount' if more else ''}\n{rows}")
        return path

    return make


@pytest.fixture
def change(sandbox: Any, credentials: tuple[str, str]) -> Callable[..., None]:
    """Return a function that changes what all accounts owe from now on, as a new month does."""

    def put(factor: str) -> None:
        body = f'[{{"products": [9105], "amount_factor": {factor}}}]'.encode()
        httpx2.put(f"{sandbox.address}/sandbox/changes", content=body, auth=credentials).raise_for_status()

    return put


@pytest.fixture
def fail_inquiries(sandbox: Any, credentials: tuple[str, str]) -> Callable[..., None]:
    """Return a function that sets a fault of all inquiries."""

    def put(**fault: Any) -> None:
        faults = [{"path": "/lookup/statement-inquiry", **fault}]
        httpx2.put(f"{sandbox.address}/sandbox/faults", json=faults, auth=credentials).raise_for_status()

    return put


def paid(books: Books) -> list[Any]:
    """Return account and amount of all transactions."""
    return [(each["credit_party"], each["amount"]) for each in books()["transactions"]]


def rows(ledger: Path) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM rows ORDER BY id").fetchall()


def test_a_plan_shows_what_is_due_and_sets_aside_what_is_not(
    write: Callable[..., Path], pay: Pay, books: Books
) -> None:
    list_ = write("bills.csv", FIRST, NOTHING, SECOND, NO_DEBT)
    planned = pay("plan", list_, *ASKING, "--json")
    plan = json.loads(planned.stdout)
    statements = plan["statements"]
    assert (plan["accepted"], plan["refused"]) == (2, 2)
    assert (statements["filled"], statements["nothing_due"], statements["nothing_due_lines"]) == (2, 2, [3, 5])
    assert statements["asked_at"] is not None
    assert statements["first_due"] <= statements["last_due"]
    assert "2 valid, 2 with nothing due" in planned.stderr
    assert "Nothing is due for 2 rows: lines 3 and 5." in planned.stderr
    # They stop no run, and are counted on their own.
    result = pay("run", list_, *ASKING)
    assert "All done: 2 of 4 rows completed, 2 with nothing due." in result.stdout
    assert "to fix" not in result.stdout
    again = json.loads(pay("run", list_, *ASKING, "--json").stdout)
    assert (again["nothing_due"], again["counts"]["refused"], again["not_completed"]) == (2, 2, None)
    assert "2 with nothing due" in pay("status", "list/bills").stdout
    assert {account for account, _ in paid(books)} == {FIRST, SECOND}
    assert Decimal(plan["products"][0]["amount"]) == sum(amount for _, amount in paid(books))


def test_rows_with_nothing_due_are_not_called_refused_anywhere(
    write: Callable[..., Path], pay: Pay, tmp_path: Path
) -> None:
    result = pay("run", write("bills.csv", FIRST, NOTHING, NO_DEBT), *ASKING, "--format", "xlsx", "--format", "html")
    assert "2 nothing due; " in result.stderr
    assert "refused" not in result.stdout + result.stderr.partition("Rate:")[2]
    for words in (("status",), ("status", "list/bills")):
        shown = pay(*words).stdout
        assert "nothing due" in shown
        assert "refused" not in shown
    [run] = json.loads(pay("status", "--json").stdout)
    assert (run["nothing_due"], run["counts"]["refused"]) == (2, 2)
    [states] = [
        {row[0]: row[1] for row in block}
        for block in _blocks(tmp_path / "reports" / "list-bills" / "results.xlsx")
        if block[0] == ("State", "Rows")
    ]
    assert (states["refused"], states["nothing due"], states["all"]) == (0, 2, 3)
    page = (tmp_path / "reports" / "list-bills" / "results.html").read_text(encoding="utf-8")
    legend = page.partition('class="legend"')[2].partition("</ul>")[0]
    assert ("2 nothing due" in legend, "refused" in legend) == (True, False)


def _blocks(workbook: Path) -> list[list[tuple[Any, ...]]]:
    """Return the tables of a workbook's summary sheet, without empty cells."""
    sheet = openpyxl.load_workbook(workbook, read_only=True)["Summary"]
    found: list[list[tuple[Any, ...]]] = [[]]
    for row in sheet.iter_rows(values_only=True):
        cells = tuple(cell for cell in row if cell is not None)
        found += [] if cells else [[]]
        found[-1] += [cells] if cells else []
    return [block for block in found if block]


def test_a_list_on_which_nothing_at_all_is_due_is_pointed_out(write: Callable[..., Path], pay: Pay) -> None:
    list_ = write("bills.csv", NOTHING, NO_DEBT)
    assert (
        "Nothing to send: nothing is due for any of 2 rows. If bills are expected" in pay("plan", list_, *ASKING).stdout
    )
    done = pay("run", list_, *ASKING)
    assert "Nothing was paid, as nothing is due for any row: 0 of 2 rows completed, 2 with nothing due." in done.stdout
    assert "--statement-max-age 0" in done.stdout
    assert "All done" not in done.stdout


def test_a_run_with_nothing_due_and_a_row_to_fix_names_only_that_row(write: Callable[..., Path], pay: Pay) -> None:
    list_ = write("bills.csv", FIRST, NOTHING, REFUSED)
    result = json.loads(pay("run", list_, *ASKING, "--skip-refused", "--json", code=1).stdout)
    assert (result["nothing_due"], result["counts"]["refused"]) == (1, 2)
    not_completed = Path(result["not_completed"]).read_text(encoding="utf-8-sig")
    assert REFUSED in not_completed
    assert NOTHING not in not_completed


def test_what_had_nothing_due_stays_so_when_its_run_is_purged(write: Callable[..., Path], pay: Pay) -> None:
    pay("run", write("bills.csv", FIRST, NOTHING), *ASKING)
    pay("ledger", "purge", "--older-than", "0d", "--yes")
    assert json.loads(pay("status", "list/bills", "--json").stdout)["nothing_due"] == 1


def test_the_word_may_be_in_cells_beside_amounts(write: Callable[..., Path], pay: Pay) -> None:
    list_ = write("bills.csv", FIRST, more=",Statement")
    list_.write_text(list_.read_text() + f"{SECOND},PREPAID,60\n")
    plan = json.loads(
        pay("plan", list_, "--product", 9105, "--bill", "oldest", "--json", "--skip-refused", code=0).stdout
    )
    assert plan["statements"]["filled"] == 1
    assert [row["line"] for row in plan["refused_rows"]] == [3]  # the product requires a bill


def test_accounts_that_cannot_be_asked_for_are_refused_alone(write: Callable[..., Path], pay: Pay) -> None:
    list_ = write("bills.csv", REFUSED, UNSTATED, UNREADABLE, FIRST)
    result = pay("plan", list_, *ASKING, "--json", code=3)
    plan = json.loads(result.stdout)
    messages = {row["line"]: [problem["message"] for problem in row["problems"]] for row in plan["refused_rows"]}
    assert [len(each) for each in messages.values()] == [1, 1, 1]
    assert "can't be asked for. DVS answered HTTP 400" in messages[2][0]
    assert "DVS does not state how much is due" in messages[3][0]
    assert plan["accepted"] == 1
    assert "can't be read" in messages[4][0]
    assert plan["statements"]["refused"] == 3


def test_several_open_bills_are_refused_unless_one_is_named_or_chosen(write: Callable[..., Path], pay: Pay) -> None:
    list_ = write("bills.csv", FIRST)  # has three
    refused = pay("plan", list_, *ASKING[:4], "--json", code=3)
    [row] = json.loads(refused.stdout)["refused_rows"]
    [problem] = row["problems"]
    assert "has 3 open bills" in problem["message"]
    oldest, newest = (
        json.loads(pay("plan", list_, *ASKING[:4], "--bill", which, "--json").stdout) for which in ("oldest", "newest")
    )
    assert oldest["statements"]["last_due"] < newest["statements"]["first_due"]


def test_a_second_start_neither_asks_again_nor_changes_what_was_sent(
    write: Callable[..., Path], pay: Pay, books: Books, change: Callable[..., None], tmp_path: Path
) -> None:
    list_ = write("bills.csv", FIRST, SECOND)
    pay("run", list_, *ASKING)
    before = paid(books)
    sent = [(row["amount"], row["request"]) for row in rows(tmp_path / "ledger.db")]
    change("2")
    result = pay("run", list_, *ASKING, "--statement-max-age", "0")
    assert "Statements of 2 rows that the run has sent were not asked for again." in result.stdout
    assert "changed in the list after sending" not in result.stdout
    assert paid(books) == before
    assert [(row["amount"], row["request"]) for row in rows(tmp_path / "ledger.db")] == sent
    assert [row["note"] for row in rows(tmp_path / "ledger.db")] == ["", ""]


def test_an_account_in_another_spelling_is_not_paid_for_its_next_bill(
    write: Callable[..., Path], pay: Pay, books: Books, change: Callable[..., None]
) -> None:
    list_ = write("bills.csv", FIRST)
    pay("run", list_, *ASKING)
    change("2")
    write("bills.csv", FIRST[:4] + " " + FIRST[4:])
    pay("run", list_, "--product", 9105, "--amount", "statement", "--bill", "newest")
    assert len(paid(books)) == 1


def test_a_bill_that_another_run_has_paid_is_refused_whatever_it_amounts_to_now(
    write: Callable[..., Path], pay: Pay, books: Books, change: Callable[..., None], tmp_path: Path
) -> None:
    """The biller does not know of the payment yet, and a fee was added."""
    job = 'list = "{}.csv"\nname = "bills"\nproduct = 9105\namount = "statement"\nbill = "oldest"\nrun_key = "{}"\n'
    write("10.csv", FIRST, SECOND)
    (tmp_path / "10.toml").write_text(job.format("10", "2026-10") + 'period = "month"\n')
    pay("run", "10.toml")
    change("1.1")
    asking_again = ("--statement-max-age", "0")
    write("11.csv", FIRST)
    (tmp_path / "11.toml").write_text(job.format("11", "2026-11") + 'period = "month"\n')
    result = pay("run", "11.toml", *asking_again, code=3)
    assert "Possible duplicate: run bills/2026-10, line 2, sent bill INV-" in " ".join(result.stdout.split())
    assert len(paid(books)) == 2
    # Its next bill is another one.
    pay("run", "11.toml", *asking_again, "--bill", "newest")
    assert len(paid(books)) == 3
    assert len(set(paid(books))) == 3


def test_a_bill_that_was_asked_for_is_refused_in_a_list_with_another_amount(
    write: Callable[..., Path], pay: Pay, books: Books, tmp_path: Path
) -> None:
    pay("run", write("first.csv", FIRST), *ASKING)
    [(_, reference)] = [
        (row["amount"], json.loads(row["request"])["statement_identifier"]["reference"])
        for row in rows(tmp_path / "ledger.db")
    ]
    (tmp_path / "second.csv").write_text(
        f"account_number,account_qualifier,invoice,amount\n{FIRST},PREPAID,{reference},999\n"
        f"{SECOND},PREPAID,{reference},998\n"
    )
    named = ("--product", 9105, "--map", "statement_identifier.reference=invoice")
    plan = json.loads(pay("plan", "second.csv", *named, "--json", code=3).stdout)
    assert [row["line"] for row in plan["refused_rows"]] == [2]
    pay("run", "second.csv", *named, "--pay-again", "a fee came later")
    assert len(paid(books)) == 3


def test_a_bill_is_paid_again_on_purpose_with_a_reason(
    write: Callable[..., Path], pay: Pay, books: Books, change: Callable[..., None]
) -> None:
    pay("run", write("first.csv", FIRST), *ASKING)
    change("1.1")
    list_ = write("second.csv", FIRST)
    again = (*ASKING, "--statement-max-age", "0")
    pay("run", list_, *again, code=3)
    pay("run", list_, *again, "--pay-again", "the biller returned it")
    assert len(paid(books)) == 2


@pytest.mark.parametrize("factor", ["1", "1.1"])
def test_a_bill_that_several_runs_have_paid_is_paid_again_with_one_reason(
    factor: str, write: Callable[..., Path], pay: Pay, books: Books, change: Callable[..., None]
) -> None:
    """Each payment is named once, also where it has the same amount."""
    pay("run", write("first.csv", FIRST), *ASKING)
    again = (*ASKING, "--statement-max-age", "0", "--pay-again", "the biller returned it")
    for number, name in enumerate(("second", "third"), start=2):
        change(factor)
        result = pay("run", write(f"{name}.csv", FIRST), *again)
        assert len(paid(books)) == number
        assert "1 row repeats a payment of run list/first" in result.stdout
        assert "2 rows" not in result.stdout
    assert "1 row repeats a payment of run list/second" in result.stdout


@pytest.mark.parametrize("option", [(), ("--allow-duplicates",)])
def test_two_rows_of_a_list_do_not_pay_one_bill(option: tuple[str, ...], write: Callable[..., Path], pay: Pay) -> None:
    list_ = write("bills.csv", FIRST, FIRST)
    plan = json.loads(pay("plan", list_, *ASKING, *option, "--json", code=3).stdout)
    assert plan["accepted"] == 1
    assert [row["line"] for row in plan["refused_rows"]] == [3]


def test_caps_count_the_amounts_that_were_asked_for(write: Callable[..., Path], pay: Pay, books: Books) -> None:
    list_ = write("bills.csv", FIRST, SECOND)
    result = pay("run", list_, *ASKING, "--max-amount", "KES=100", code=3)
    assert "1 guard failed" in result.stderr
    assert "guard failed" in pay("run", list_, *ASKING, "--max-cost", "USD=1", code=3).stderr
    assert books()["transactions"] == []


def test_a_product_without_inquiry_is_not_asked(write: Callable[..., Path], pay: Pay) -> None:
    list_ = write("bills.csv", FIRST)
    plan = json.loads(pay("plan", list_, "--product", 9240, "--amount", "statement", "--json", code=3).stdout)
    messages = [problem["message"] for problem in plan["refused_rows"][0]["problems"]]
    assert any("has no statement inquiry" in message for message in messages)


def test_a_lost_ledger_takes_what_was_paid_from_the_transactions(
    write: Callable[..., Path], pay: Pay, books: Books, change: Callable[..., None], tmp_path: Path
) -> None:
    list_ = write("bills.csv", FIRST, SECOND)
    pay("run", list_, *ASKING)
    before, sent = paid(books), {row["request"] for row in rows(tmp_path / "ledger.db")}
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    change("2")
    longer = write("bills.csv", FIRST, SECOND, THIRD)
    result = json.loads(pay("reconcile", "--rebuild", longer, *ASKING, "--json").stdout)
    assert result["rebuilt_rows"] == 2
    rebuilt = rows(tmp_path / "ledger.db")
    assert [row["state"] for row in rebuilt] == ["completed", "completed", "pending"]
    assert {row["request"] for row in rebuilt[:2]} == sent
    assert rebuilt[2]["amount"] is None
    # What was not paid is sent only once it was asked for.
    stopped = pay("resume", "list/bills", code=75)
    assert "asked for too long ago" in stopped.stdout + stopped.stderr
    assert paid(books) == before
    pay("run", longer, *ASKING)
    assert len(paid(books)) == 3
    assert paid(books)[:2] == before


def test_an_old_copy_of_a_ledger_takes_what_was_paid_from_the_transactions(
    write: Callable[..., Path], pay: Pay, books: Books, tmp_path: Path
) -> None:
    """Its rows have what was asked for before."""
    pay("run", write("bills.csv", FIRST), *ASKING)
    [sent] = rows(tmp_path / "ledger.db")
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM attempts")
        connection.execute("DELETE FROM events")
        request = sent["request"].replace(f'"amount":{sent["amount"]}', '"amount":60').replace("INV-", "OLD-")
        assert request != sent["request"]
        connection.execute("UPDATE rows SET state = 'pending', attempt = 0, amount = '60', request = ?", (request,))
    assert json.loads(pay("reconcile", "--rebuild", "list/bills", "--json").stdout)["rebuilt_rows"] == 1
    [rebuilt] = rows(tmp_path / "ledger.db")
    assert (rebuilt["state"], rebuilt["amount"]) == ("completed", sent["amount"])
    pay("resume", "list/bills")
    assert len(paid(books)) == 1


def test_a_further_list_of_a_run_does_not_pay_its_bills_again(
    write: Callable[..., Path], pay: Pay, books: Books
) -> None:
    pay("run", write("bills.csv", FIRST), *ASKING)
    further = (*ASKING, "--run-key", "bills", "--add", "--allow-duplicates")
    pay("run", write("more.csv", SECOND, FIRST), *further)
    assert sorted(account for account, _ in paid(books)) == [FIRST, SECOND]


def test_a_retry_of_a_declined_bill_pays_what_was_planned(
    write: Callable[..., Path], pay: Pay, books: Books, change: Callable[..., None]
) -> None:
    list_ = write("bills.csv", DECLINED)
    pay("run", list_, *ASKING, code=1)
    [first] = paid(books)
    change("2")
    pay("run", list_, *ASKING, code=1)
    assert paid(books) == [first]
    pay("retry", "list/bills", "--status", "DECLINED-INVALID-CREDIT-PARTY", code=1)
    assert paid(books) == [first, first]


def test_a_failed_bill_that_comes_back_as_another_row_is_asked_for_again(
    pay: Pay, change: Callable[..., None], tmp_path: Path
) -> None:
    """A list with other references must not keep the amount of a row that failed, which gets too old to be sent."""
    list_ = tmp_path / "bills.csv"
    list_.write_text(f"reference,account_number,account_qualifier\nR-0,{FIRST},PREPAID\nR-1,{DECLINED},PREPAID\n")
    pay("run", list_, *ASKING, code=1)
    change("2")
    list_.write_text(f"reference,account_number,account_qualifier\nR-0,{FIRST},PREPAID\nR-2,{DECLINED},PREPAID\n")
    plan = json.loads(pay("plan", list_, *ASKING, "--statement-max-age", "0", "--json", code=3).stdout)
    assert (plan["statements"]["filled"], plan["statements"]["sent"]) == (1, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "throttle", "first": 1, "retry_after": 1},
        {"kind": "status_before", "first": 1},
        {"kind": "reset", "first": 1},
    ],
)
def test_an_inquiry_that_is_answered_later_is_repeated(
    fault: dict[str, Any], write: Callable[..., Path], pay: Pay, fail_inquiries: Callable[..., None]
) -> None:
    fail_inquiries(**fault)
    plan = json.loads(pay("plan", write("bills.csv", FIRST, SECOND), *ASKING, "--json").stdout)
    assert plan["accepted"] == 2


@pytest.mark.parametrize(("status", "body"), [(400, "html"), (404, "html"), (404, "json"), (422, "empty")])
def test_a_gateway_in_place_of_an_answer_does_not_mean_that_nothing_is_due(
    status: int, body: str, write: Callable[..., Path], pay: Pay, fail_inquiries: Callable[..., None]
) -> None:
    fail_inquiries(kind="page_before", status=status, body=body)
    pay("plan", write("bills.csv", FIRST), *ASKING, code=4)


def test_a_purge_leaves_no_account_in_the_ledger(write: Callable[..., Path], pay: Pay, tmp_path: Path) -> None:
    pay("plan", write("bills.csv", FIRST), *ASKING)
    assert FIRST.encode() in b"".join(file.read_bytes() for file in tmp_path.glob("ledger.db*"))
    pay("ledger", "purge", "--older-than", "90d", "--yes")
    for file in tmp_path.glob("ledger.db*"):
        assert FIRST.encode() not in file.read_bytes()


def test_answers_are_kept_for_the_run_after_a_plan(
    write: Callable[..., Path], pay: Pay, books: Books, fail_inquiries: Callable[..., None]
) -> None:
    list_ = write("bills.csv", FIRST, SECOND)
    pay("plan", list_, *ASKING)
    fail_inquiries(kind="page_before", status=404, body="json")
    pay("run", list_, *ASKING)
    assert len(paid(books)) == 2


def test_a_job_has_amounts_or_asks_for_them(write: Callable[..., Path], pay: Pay, tmp_path: Path) -> None:
    write("bills.csv", FIRST)
    (tmp_path / "bills.toml").write_text(
        'list = "bills.csv"\nproduct = 9105\namount = "statement"\nconstants = {amount = "5"}\n'
    )
    assert "not both" in pay("plan", "bills.toml", code=3).stderr
