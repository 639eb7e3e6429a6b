"""Corrections belong to their run: whatever is started afterwards, with their file or without, pays nobody twice."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.app import restored_ledger

PRODUCT = ("--product", 6418)
#: Numbers whose payments fail, and others.
FAILS, WRONG = "+6595123102", "+6595123104"
RIGHT, OTHER, THIRD = "+6595123501", "+6595123502", "+6595123503"


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the list: rows of cells below a header."""

    def write(*rows: str, header: str = "phone,amount", name: str = "bonus.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


@pytest.fixture
def corrected(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes corrections: the not-completed file of a run's report with texts replaced."""

    def write(*replacements: tuple[str, str], folder: str = "list-bonus", name: str = "corrected.csv") -> Path:
        [rest] = (tmp_path / "reports" / folder).glob("*not-completed*.csv")
        text = rest.read_text(encoding="utf-8-sig")
        for before, after in replacements:
            # The reason of a row names the list's value as well, so the cells come first.
            assert before in text
            text = text.replace(before, after, 1)
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def completed(books: Any) -> Callable[[], Counter[str]]:
    """Return a function that counts the completed payments by number."""

    def count() -> Counter[str]:
        found = [each for each in books()["transactions"] if each["status_class"] == "COMPLETED"]
        return Counter(each["credit_party"] for each in found)

    return count


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("phone,amount", [f"{OTHER},5", f"{FAILS},5"]),
        ("reference,phone,amount", [f"A,{OTHER},5", f"B,{FAILS},5"]),
    ],
    ids=["by number", "by reference"],
)
def test_a_corrected_row_is_paid_once_however_the_run_is_started_again(
    pay: Any, listed: Any, corrected: Any, completed: Any, results: Any, header: str, rows: list[str]
) -> None:
    list_ = listed(*rows, header=header)
    pay("run", list_, *PRODUCT, code=1)
    file = corrected((FAILS, RIGHT))
    pay("run", list_, *PRODUCT, "--corrections", file)
    for words in (
        ("run", list_, *PRODUCT),
        ("run", list_, *PRODUCT, "--corrections", file),
        ("resume", "list/bonus"),
        ("retry", "list/bonus", "--all-failed"),
        ("run", list_, *PRODUCT, "--quiet"),
    ):
        pay(*words)
        assert completed() == {OTHER: 1, RIGHT: 1}
    found = json.loads(pay("reconcile", "list/bonus", "--json").stdout)
    assert found["differences"] == []
    assert [row["result_state"] for row in results("list-bonus")] == ["completed", "completed"]
    [row] = [row for row in results("list-bonus") if row["result_note"]]
    assert row["result_credit_party"].lstrip("'") == RIGHT
    assert row["result_note"] == f'Corrected: "phone" was "{FAILS}", is "{RIGHT}".'


def test_the_list_may_be_reordered_and_written_otherwise(pay: Any, listed: Any, corrected: Any, completed: Any) -> None:
    list_ = listed(f"{OTHER},5", f"{FAILS},5")
    pay("run", list_, *PRODUCT, code=1)
    pay("run", list_, *PRODUCT, "--corrections", corrected((FAILS, RIGHT)))
    listed(f"{THIRD},5", f" {FAILS},5", f"{OTHER},5")
    pay("run", list_, *PRODUCT, "--add")
    assert completed() == {OTHER: 1, RIGHT: 1, THIRD: 1}


def test_a_replaced_row_with_other_cells_is_refused_until_the_list_is_corrected(
    pay: Any, listed: Any, corrected: Any, completed: Any
) -> None:
    list_ = listed(f"{OTHER},5,Ann", f"{FAILS},5,Bob", header="phone,amount,name")
    pay("run", list_, *PRODUCT, code=1)
    pay("run", list_, *PRODUCT, "--corrections", corrected((FAILS, RIGHT)))
    listed(f"{OTHER},5,Ann", f"{FAILS},5,Robert", header="phone,amount,name")
    shown = " ".join(pay("plan", list_, *PRODUCT, code=3).stdout.split())
    assert f'"phone" was "{FAILS}", is "{RIGHT}". The list has the value from before it in another form' in shown
    pay("retry", "list/bonus", "--all-failed")
    listed(f"{OTHER},5,Ann", f"{RIGHT},5,Robert", header="phone,amount,name")
    pay("run", list_, *PRODUCT)
    assert completed() == {OTHER: 1, RIGHT: 1}


def test_a_row_is_corrected_again_and_back_and_an_older_file_changes_nothing(
    pay: Any, listed: Any, corrected: Any, books: Any
) -> None:
    list_ = listed(f"{FAILS},5")
    pay("run", list_, *PRODUCT, code=1)
    first = corrected((FAILS, WRONG), name="first.csv")
    pay("run", list_, *PRODUCT, "--corrections", first, code=1)
    back = corrected((WRONG, FAILS), name="back.csv")
    third = corrected((WRONG, RIGHT), name="third.csv")
    pay("run", list_, *PRODUCT, "--corrections", back, code=1)
    numbers = [FAILS, WRONG, FAILS]
    assert [each["credit_party"] for each in books()["transactions"]] == numbers
    pay("run", list_, *PRODUCT, "--corrections", third)
    for file in (first, third):
        pay("run", list_, *PRODUCT, "--corrections", file)
    assert [each["credit_party"] for each in books()["transactions"]] == [*numbers, RIGHT]


def test_two_numbers_that_were_mixed_up_are_swapped(pay: Any, listed: Any, corrected: Any, books: Any) -> None:
    list_ = listed(f"{FAILS},5", f"{WRONG},7")
    pay("run", list_, *PRODUCT, code=1)
    file = corrected((f"{FAILS},5", "x,5"), (f"{WRONG},7", f"{FAILS},7"), ("x,5", f"{WRONG},5"))
    for words in (("--corrections", file), ()):
        pay("run", list_, *PRODUCT, *words, code=1)
        sent = Counter((each["credit_party"], str(each["amount"])) for each in books()["transactions"])
        assert sent == {(FAILS, "5"): 1, (WRONG, "7"): 1, (FAILS, "7"): 1, (WRONG, "5"): 1}


def test_a_row_that_is_in_flight_or_paid_is_not_corrected(pay: Any, listed: Any, corrected: Any, books: Any) -> None:
    list_ = listed("+6595123304,5")
    pay("run", list_, *PRODUCT, code=1)
    file = corrected(("+6595123304", RIGHT))
    pay("retry", "list/bonus", "--all-failed", "--tracking-timeout", 0, code=75)
    shown = pay("run", list_, *PRODUCT, "--corrections", file, code=3).stderr
    assert "which was sent since and may be paid: its outcome is not known yet" in shown
    pay("resume", "list/bonus", code=1)
    pay("run", list_, *PRODUCT, "--corrections", file)
    paid = file.with_name("paid.csv")
    paid.write_text(file.read_text().replace(RIGHT, THIRD, 1))
    assert (
        "which is paid. Remove the row from the file."
        in pay("run", list_, *PRODUCT, "--corrections", paid, code=3).stderr
    )
    assert [each["credit_party"] for each in books()["transactions"]][-1] == RIGHT


def test_the_next_run_of_a_job_names_values_that_came_back(
    pay: Any, listed: Any, corrected: Any, tmp_path: Path
) -> None:
    job = tmp_path / "bonus.toml"
    job.write_text('list = "bonus.csv"\nrun_key = "{today}"\nproduct = 6418\nperiod = "day"\n')
    listed(f"{OTHER},5", f"{FAILS},5")
    pay("run", job, "--today", "2026-11-02", code=1)
    [folder] = [each.name for each in (tmp_path / "reports").iterdir()]
    pay("run", job, "--today", "2026-11-02", "--corrections", corrected((FAILS, RIGHT), folder=folder))
    listed(f"{OTHER},6", f"{FAILS},6")
    shown = " ".join(pay("plan", job, "--today", "2026-11-16").stdout.split())
    assert "1 row of the list has a value that was corrected in run bonus/2026-11-02" in shown
    assert f'Line 3: Corrected: "phone" was "{FAILS}", is "{RIGHT}".' in shown
    plan = json.loads(pay("plan", job, "--today", "2026-11-16", "--json").stdout)
    assert [row["line"] for row in plan["uncorrected"]] == [3]
    started = " ".join(pay("run", job, "--today", "2026-11-16", "--max-rows", 1, code=3).stdout.split())
    assert f'Line 3: Corrected: "phone" was "{FAILS}", is "{RIGHT}".' in started
    listed(f"{OTHER},6", f"{RIGHT},6")
    assert json.loads(pay("plan", job, "--today", "2026-11-16", "--json").stdout)["uncorrected"] == []


def test_a_corrected_row_that_another_run_paid_is_refused_in_the_plan_and_may_be_paid_again(
    pay: Any, listed: Any, corrected: Any, completed: Any
) -> None:
    list_ = listed(f"A,{OTHER},5", f"B,{FAILS},5", header="reference,phone,amount")
    pay("run", list_, *PRODUCT, code=1)
    pay("run", listed(f"{RIGHT},5", name="other.csv"), *PRODUCT)
    file = corrected((FAILS, RIGHT))
    plan = json.loads(pay("plan", list_, *PRODUCT, "--corrections", file, "--json", code=3).stdout)
    assert (plan["refused"], plan["earlier_payments"]["refused"]) == (1, 1)
    pay("run", list_, *PRODUCT, "--corrections", file, code=3)
    pay("run", list_, *PRODUCT, "--corrections", file, "--pay-again", "second bonus")
    for words in ((), ("--corrections", file)):
        assert completed() == {OTHER: 1, RIGHT: 2}
        pay("run", list_, *PRODUCT, *words)


def test_a_row_that_another_run_paid_is_not_corrected_whatever_the_file_says_of_it(
    pay: Any, listed: Any, corrected: Any, completed: Any
) -> None:
    pay("run", listed(f"{OTHER},5", name="other.csv"), *PRODUCT)
    list_ = listed(f"{OTHER},5", f"{THIRD},5", "+6595123505,5", "+6595123506,5")
    pay("run", list_, *PRODUCT, "--skip-refused", code=1)
    file = corrected((OTHER, RIGHT))
    header, row = file.read_text().splitlines()
    cut = header.index(",reason")
    file.write_text(f"{header[:cut]}\n{','.join(row.split(',')[: header[:cut].count(',') + 1])}\n")
    assert "the row may be paid already" in pay("run", list_, *PRODUCT, "--corrections", file, code=3).stderr
    assert RIGHT not in completed()


def test_old_corrections_beside_another_list_pay_nobody(pay: Any, listed: Any, corrected: Any, completed: Any) -> None:
    list_ = listed(f"{OTHER},5", f"{FAILS},5")
    pay("run", list_, *PRODUCT, code=1)
    file = corrected((FAILS, RIGHT))
    pay("run", list_, *PRODUCT, "--corrections", file)
    listed(f"{OTHER},5", f"{FAILS},5", f"{THIRD},6")
    shown = pay("run", list_, *PRODUCT, "--corrections", file, code=3).stderr
    assert "--add" in shown
    assert completed() == {OTHER: 1, RIGHT: 1}


def test_a_list_that_must_change_is_the_same_also_where_the_run_before_corrected_it(
    pay: Any, listed: Any, corrected: Any, tmp_path: Path
) -> None:
    job = tmp_path / "bonus.toml"
    job.write_text('list = "bonus.csv"\nrun_key = "{today}"\nproduct = 6418\nperiod = "day"\nlist_must_change = true\n')
    listed(f"{OTHER},5", f"{FAILS},5")
    pay("run", job, "--today", "2026-11-02", code=1)
    [folder] = [each.name for each in (tmp_path / "reports").iterdir()]
    pay("run", job, "--today", "2026-11-02", "--corrections", corrected((FAILS, RIGHT), folder=folder))
    assert json.loads(pay("plan", job, "--today", "2026-11-16", "--json", code=3).stdout)["list_problem"] == "unchanged"


def test_the_old_number_may_be_paid_by_another_list(pay: Any, listed: Any, corrected: Any, completed: Any) -> None:
    wrong = "+6595123504"
    list_ = listed(f"{OTHER},5", f"{wrong},5000")
    pay("run", list_, *PRODUCT, "--skip-refused", code=1)
    pay("run", list_, *PRODUCT, "--corrections", corrected((f"{wrong},5000", f"{RIGHT},5")))
    other = listed(f"{wrong},5", name="other.csv")
    pay("run", other, *PRODUCT)
    for words in ((), ("--corrections", list_.with_name("corrected.csv"))):
        pay("run", list_, *PRODUCT, *words)
    assert completed() == {OTHER: 1, RIGHT: 1, wrong: 1}


def test_corrections_stay_with_the_first_list_of_a_run_in_parts(
    pay: Any, listed: Any, corrected: Any, completed: Any, results: Any
) -> None:
    parts = [f"{OTHER},5", f"{FAILS},5", "+6595123511,5", "+6595123512,5"], [f"{THIRD},5", f"{FAILS},5"]
    list_ = listed(*parts[0])
    pay("run", list_, *PRODUCT, code=1)
    file = corrected((FAILS, RIGHT))
    pay("run", list_, *PRODUCT, "--corrections", file)
    pay("run", list_, *PRODUCT, "--add")
    listed(*parts[1])
    pay("run", list_, *PRODUCT, "--add", "--skip-refused", code=1)
    paid = dict.fromkeys((OTHER, RIGHT, "+6595123511", "+6595123512", THIRD), 1)
    for part in (0, 1, 0):
        assert completed() == paid
        [note] = [
            row["result_note"]
            for row in results("list-bonus")
            if row["result_state"] == "completed" and row["result_note"]
        ]
        assert note == f'Corrected: "phone" was "{FAILS}", is "{RIGHT}".'
        listed(*parts[part])
        pay("run", list_, *PRODUCT, "--skip-refused", code=1)
        pay("retry", "list/bonus", "--all-failed", code=1)
    assert completed() == paid
    assert "has 2 lists" in pay("run", list_, *PRODUCT, "--corrections", file, code=3).stderr


def test_a_row_corrected_to_nearly_another_beneficiary_waits_for_a_decision_that_is_kept(
    pay: Any, listed: Any, corrected: Any, completed: Any
) -> None:
    list_ = listed("0012345500,5000", "7712345102,5000", header="account,amount")
    options = (list_, "--product", 9240)
    pay("run", *options, code=1)
    file = corrected(("7712345102", "12345500"))
    shown = pay("run", *options, "--corrections", file, code=3)
    assert "--not-the-same 3" in shown.stdout
    pay("run", *options, "--corrections", file, "--not-the-same", 3, "--reason", "two customers")
    for words in (("run", *options), ("run", *options, "--corrections", file), ("retry", "list/bonus", "--all-failed")):
        pay(*words)
        assert completed() == {"0012345500": 1, "12345500": 1}


def test_a_workbook_gets_the_outcomes_of_corrected_rows(
    pay: Any, invoke: Any, options: tuple[str, ...], corrected: Any, tmp_path: Path
) -> None:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for cells in (("phone", "amount"), (OTHER, "5"), (FAILS, "5")):
        sheet.append(cells)
    list_ = tmp_path / "bonus.xlsx"
    book.save(list_)
    pay("run", list_, *PRODUCT, code=1)
    pay("run", list_, *PRODUCT, "--corrections", corrected((FAILS, RIGHT)))
    shown = json.loads(invoke("annotate", "list/bonus", list_, *options, "--json").stdout)
    assert (shown["rows"], shown["differing"]) == (2, [])
    assert f'Row 3: Corrected: "phone" was "{FAILS}", is "{RIGHT}".' in " ".join(
        pay("plan", list_, *PRODUCT).stdout.split()
    )


def test_the_list_without_the_correction_under_another_name_is_the_same_list(
    pay: Any, listed: Any, corrected: Any, completed: Any, books: Any
) -> None:
    list_ = listed(f"{FAILS},5")
    pay("run", list_, *PRODUCT, code=1)
    pay("run", list_, *PRODUCT, "--corrections", corrected((FAILS, RIGHT)))
    shown = pay("run", listed(f"{FAILS},5", name="bonus (1).csv"), *PRODUCT, code=3).stderr
    assert "list/bonus" in shown
    assert [each["credit_party"] for each in books()["transactions"]] == [FAILS, RIGHT]
    assert completed() == {RIGHT: 1}


@pytest.mark.parametrize("header", ["phone,amount,name", "amount,phone"])
def test_a_row_is_corrected_again_after_the_columns_of_the_list_changed(
    pay: Any, listed: Any, corrected: Any, books: Any, header: str
) -> None:
    def write() -> Path:
        cells = {"phone": FAILS, "amount": "5", "name": "Ann"}
        path: Path = listed(",".join(cells[column] for column in header.split(",")), header=header)
        return path

    list_ = listed(f"{FAILS},5")
    pay("run", list_, *PRODUCT, code=1)
    pay("run", list_, *PRODUCT, "--corrections", corrected((FAILS, WRONG)), code=1)
    pay("run", write(), *PRODUCT, code=1)
    again = corrected((WRONG, RIGHT), name="again.csv")
    for words in (("--corrections", again), (), ("--corrections", again)):
        pay("run", list_, *PRODUCT, *words)
        assert [each["credit_party"] for each in books()["transactions"]] == [FAILS, WRONG, RIGHT]


def test_a_backup_from_before_a_correction_retries_nothing_until_the_correction_is_given_again(
    pay: Any, listed: Any, corrected: Any, books: Any, completed: Any, tmp_path: Path
) -> None:
    list_ = listed(f"{OTHER},5", f"{FAILS},5", f"{WRONG},7")
    pay("run", list_, *PRODUCT, code=1)
    backup = (tmp_path / "ledger.db").read_bytes()
    file = corrected((FAILS, RIGHT))
    pay("run", list_, *PRODUCT, "--corrections", file, code=1)
    pay("retry", "list/bonus", "--all-failed", code=1)
    (tmp_path / "ledger.db").write_bytes(backup)
    sent = books()["transactions"]
    retry = ("retry", "list/bonus", "--all-failed")
    assert "1 transaction of its rows that the ledger lacks" in " ".join(pay(*retry, code=75).stderr.split())
    # The list is read from the newest transaction on, which is later than the correction now.
    pay("reconcile", "--rebuild", "list/bonus", code=1)
    for _ in range(2):
        shown = " ".join(pay(*retry, code=75).stderr.split())
        assert "DVS has 1 payment of it for rows that the ledger does not have" in shown
        assert "Then rebuild the run, `bulk-topup reconcile --rebuild list/bonus --env sandbox" in shown
    pay("resume", "list/bonus", code=1)
    assert books()["transactions"] == sent
    pay("run", list_, *PRODUCT, "--corrections", file, code=75)
    pay("reconcile", "--rebuild", "list/bonus")
    pay("run", list_, *PRODUCT, code=1)
    assert books()["transactions"] == sent
    pay(*retry, code=1)
    assert Counter(each["credit_party"] for each in books()["transactions"]) == {OTHER: 1, FAILS: 1, RIGHT: 1, WRONG: 3}
    assert completed() == {OTHER: 1, RIGHT: 1}


@pytest.mark.parametrize("most", [restored_ledger.MAX_LISTED, 0])
def test_a_payment_weeks_after_the_failure_is_found_as_well(
    pay: Any, listed: Any, corrected: Any, books: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """The list of DVS is read day by day, days without a transaction do not end it, and a retry reads more of it."""
    monkeypatch.setattr(restored_ledger, "MAX_LISTED", most)
    list_ = listed(f"{OTHER},5", f"{FAILS},5")
    pay("run", list_, *PRODUCT, code=1)
    backup = (tmp_path / "ledger.db").read_bytes()
    pay("run", list_, *PRODUCT, "--corrections", corrected((FAILS, RIGHT)))
    (tmp_path / "ledger.db").write_bytes(backup)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
        before = (datetime.now(UTC) - timedelta(days=20)).isoformat(timespec="milliseconds")
        ledger.execute("UPDATE attempts SET creation_date = ?, intent_at = ?", (before, before))
        ledger.execute("UPDATE runs SET created_at = ?", (before,))
    sent = books()["transactions"]
    shown = " ".join(pay("retry", "list/bonus", "--all-failed", code=75).stderr.split())
    assert "DVS has 1 payment of it for rows that the ledger does not have" in shown
    assert books()["transactions"] == sent


def test_rows_that_are_not_completed_come_back_from_their_workbook(
    pay: Any, listed: Any, completed: Any, tmp_path: Path
) -> None:
    list_ = listed(f"007,{OTHER},5,=1", f"008,{FAILS},5.50,=1+1", header="reference,phone,amount,note")
    result = pay("run", list_, *PRODUCT, code=1)
    [rest] = tmp_path.glob("reports/list-bonus/*not-completed.xlsx")
    assert f"The same as a workbook: {rest.relative_to(tmp_path)}" in result.stdout
    workbook = load_workbook(rest)
    sheet = workbook.worksheets[0]
    assert [[cell.value for cell in row][:5] for row in sheet.iter_rows()] == [
        ["reference", "phone", "amount", "note", "list_line"],
        ["008", FAILS, "5.50", "=1+1", "3"],
    ]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}
    pay("run", list_, *PRODUCT, "--corrections", rest, code=1)  # nobody edited it, so nothing changes
    assert completed() == {OTHER: 1}
    sheet["B2"].value = RIGHT
    workbook.save(tmp_path / "fixed.xlsx")
    pay("run", list_, *PRODUCT, "--corrections", "fixed.xlsx")
    assert completed() == {OTHER: 1, RIGHT: 1}
    assert not list(tmp_path.glob("reports/list-bonus/*not-completed*"))
