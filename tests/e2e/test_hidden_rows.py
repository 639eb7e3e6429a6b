"""What a person sees of a workbook is what is paid: hidden rows need a decision, which the run keeps."""

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

PRODUCT = ("--product", 6418)
LEAVE_OUT, PAY = ("--hidden-rows", "leave-out"), ("--hidden-rows", "pay")


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a list of four people, the third hidden and the fourth struck through."""

    def write(hidden: tuple[int, ...] = (4,), struck: tuple[int, ...] = (5,)) -> Path:
        book = Workbook()
        sheet = book.active
        assert isinstance(sheet, Worksheet)
        sheet.append(["reference", "phone", "amount", "state"])
        for number in range(1, 5):
            sheet.append([f"h{number}", f"+659512350{number}", 5, "paid" if number < 3 else "rejected"])
        for row in hidden:
            sheet.row_dimensions[row].hidden = True
        for row in struck:
            sheet[f"B{row}"].font = Font(strike=True)
        path = tmp_path / "pay.xlsx"
        book.save(path)
        return path

    return write


@pytest.fixture
def paid(books: Any) -> Callable[[], list[str]]:
    """Return a function that returns the last digits of the numbers that were paid."""

    def numbers() -> list[str]:
        return sorted(each["credit_party"][-3:] for each in books()["transactions"])

    return numbers


def test_a_list_with_hidden_rows_is_held_up_until_somebody_decides(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]]
) -> None:
    path = workbook()
    for command in ("plan", "run"):
        held = pay(command, path, *PRODUCT, code=3)
        text = " ".join((held.stdout + held.stderr).split())
        assert "1 row is hidden in the workbook (row 4) and 1 row is struck through in the workbook (row 5)" in text
        assert "--hidden-rows leave-out" in text
        assert "--hidden-rows pay" in text
    plan = json.loads(pay("plan", path, *PRODUCT, "--json", code=3).stdout)
    assert plan["hidden_rows"] == {"choice": None, "hidden": [4], "struck": [5]}
    assert plan["list_problem"] == "hidden_rows"
    assert paid() == []


def test_rows_that_are_left_out_are_counted_and_named_and_the_run_keeps_it(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    path = workbook()
    first = pay("run", path, *PRODUCT, *LEAVE_OUT)
    assert "(row 4)" in first.stdout + first.stderr
    with (tmp_path / "reports/list-pay/left-out.csv").open(encoding="utf-8-sig") as file:
        left = [(row["list_line"], row["not_paid_unless"], row["reference"]) for row in csv.DictReader(file)]
    assert left == [("4", "the row is visible", "h3"), ("5", "the row is not struck through", "h4")]
    assert paid() == ["501", "502"]
    # A second start, a plan, the list's comparison and the annotated workbook agree with it.
    pay("run", path, *PRODUCT)
    assert json.loads(pay("plan", path, *PRODUCT, "--json").stdout)["hidden_rows"]["choice"] == "leave-out"
    pay("resume", "list/pay")
    pay("reconcile", "list/pay")
    pay("annotate", "list/pay", path)
    assert paid() == ["501", "502"]


def test_hidden_rows_are_paid_on_purpose(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]]
) -> None:
    path = workbook()
    result = pay("run", path, *PRODUCT, *PAY)
    assert "paid all the same" in result.stdout + result.stderr
    pay("run", path, *PRODUCT)
    assert paid() == ["501", "502", "503", "504"]


def test_rows_that_are_hidden_after_they_were_paid_are_asked_about(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]]
) -> None:
    pay("run", workbook((), ()), *PRODUCT)
    pay("run", workbook(), *PRODUCT, code=3)
    pay("reconcile", "list/pay")
    pay("run", workbook(), *PRODUCT, *PAY)
    assert paid() == ["501", "502", "503", "504"]


def test_a_filter_of_the_job_decides_about_the_rows_that_it_leaves_out(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    workbook()
    job = tmp_path / "rewards.toml"
    job.write_text(
        'list = "pay.xlsx"\nproduct = 6418\nrun_key = "november"\n'
        '[columns]\nreference = "reference"\n[[filters]]\ncolumn = "state"\nequals = "paid"\n'
    )
    pay("run", job)
    assert paid() == ["501", "502"]


def test_a_job_may_decide(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    workbook((2, 4), ())
    job = tmp_path / "rewards.toml"
    job.write_text('list = "pay.xlsx"\nproduct = 6418\nrun_key = "november"\nhidden_rows = "leave-out"\n')
    pay("run", job)
    assert paid() == ["502", "504"]


def test_nobody_is_seen_if_every_row_is_hidden(pay: Any, workbook: Callable[..., Path]) -> None:
    result = pay("run", workbook((2, 3, 4, 5), ()), *PRODUCT, *LEAVE_OUT, code=3)
    assert "Every row of pay.xlsx is hidden or struck through." in " ".join(result.stderr.split())


def test_an_empty_row_that_is_hidden_needs_no_decision(pay: Any, workbook: Callable[..., Path]) -> None:
    pay("run", workbook((6, 7), (9,)), *PRODUCT)


def test_corrections_agree_with_what_is_left_out(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    path = workbook()
    book = load_workbook(path)
    book.worksheets[0]["B2"] = "06595"
    book.save(path)
    pay("run", path, *PRODUCT, *LEAVE_OUT, "--skip-refused", code=1)
    [rest] = (tmp_path / "reports/list-pay").glob("*not-completed*.csv")
    text = rest.read_text(encoding="utf-8-sig")
    assert "h3" not in text
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(text.replace("06595", "+6595123501", 1))
    pay("run", path, *PRODUCT, "--corrections", corrected)
    assert paid() == ["501", "502"]


def _as_of_an_earlier_version(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE runs SET reading_version = 2")


def test_a_run_of_an_earlier_version_reads_values_and_pays_hidden_rows_as_it_began(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    path = workbook()
    book = load_workbook(path)
    book.worksheets[0]["A2"], book.worksheets[0]["A3"] = 17, 18
    book.save(path)
    # What an earlier version read is what this one reads of the same cells without formats.
    pay("run", path, *PRODUCT, *PAY)
    _as_of_an_earlier_version(tmp_path)
    book.worksheets[0]["A2"].number_format = "00000"
    book.worksheets[0]["A3"].number_format = '"INV-"000'
    book.save(path)
    result = pay("run", path, *PRODUCT)
    assert "0 to send" in result.stdout + result.stderr
    pay("annotate", "list/pay", path)
    assert paid() == ["501", "502", "503", "504"]


def test_a_lost_ledger_is_rebuilt_as_the_run_read_the_workbook(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    path = workbook((), ())
    book = load_workbook(path)
    for row in range(2, 6):
        book.worksheets[0][f"A{row}"] = row
    book.save(path)
    pay("run", path, *PRODUCT)
    for row in range(2, 6):
        book.worksheets[0][f"A{row}"].number_format = "00000"
    book.save(path)
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    held = pay("run", path, *PRODUCT, code=3)
    assert "Rebuild the run with" in held.output
    assert paid() == ["501", "502", "503", "504"]
    pay("reconcile", "--rebuild", path, *PRODUCT)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        assert ledger.execute("SELECT reading_version FROM runs").fetchall() == [(2,)]
    pay("run", path, *PRODUCT)
    assert paid() == ["501", "502", "503", "504"]


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("filters", ["", '[[filters]]\ncolumn = "state"\nequals = ["1"]\n'])
def test_a_lost_ledger_is_rebuilt_with_the_accounts_that_the_run_read(
    pay: Any, books: Any, tmp_path: Path, filters: str, version: int
) -> None:
    """The references are those of every version, and so are the external IDs."""

    def show_zeros() -> None:
        for line in (2, 3):
            book.worksheets[0][f"B{line}"].number_format = "0000000"
        book.save(path)

    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in (("reference", "account", "amount", "state"), ("a1", 7781, 52000, 1), ("a2", 7782, 52000, 2)):
        sheet.append(row)
    path = tmp_path / "bills.xlsx"
    book.save(path)
    if version == 4:
        show_zeros()
    job = tmp_path / "bills.toml"
    job.write_text(f'list = "bills.xlsx"\nproduct = 9240\nrun_key = "november"\n{filters}')
    pay("run", job)
    paid = books()["transactions"]
    show_zeros()
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    pay("reconcile", "--rebuild", job)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        assert ledger.execute("SELECT reading_version FROM runs").fetchall() == [(version,)]
    pay("run", job)
    assert books()["transactions"] == paid


@pytest.mark.parametrize(
    ("code", "sign"),
    [
        ("[$€-407] #,##0.00", "€"),
        ('"US$"#,##0.00', "US$"),
        ('0.00" USD"', "USD"),
        ('_-* #,##0.00\\ [$Rp-421]_-;-* #,##0.00\\ [$Rp-421]_-;_-* "-"??_-;_-@_-', "RP"),
        ('"S$"#,##0.00', None),
        ("[$SGD] #,##0.00", None),
        ('_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)', None),
    ],
)
def test_an_amount_shown_in_another_currency_than_the_product_has_is_refused(
    pay: Any, workbook: Callable[..., Path], paid: Callable[[], list[str]], code: str, sign: str | None
) -> None:
    path = workbook((), ())
    book = load_workbook(path)
    book.worksheets[0]["C3"].number_format = code
    book.save(path)
    plan = json.loads(pay("plan", path, *PRODUCT, "--json", code=0 if sign is None else 3).stdout)
    message = f'The amount has "{sign}", but product 6418 has SGD. Write the amount in SGD, or choose another product.'
    problem = {"column": "amount", "message": message, "kind": "currency", "instead": None}
    refused = [] if sign is None else [(3, [problem])]
    assert [(row["line"], row["problems"]) for row in plan["refused_rows"]] == refused
    pay("run", path, *PRODUCT, code=0 if sign is None else 3)
    assert paid() == (["501", "502", "503", "504"] if sign is None else [])


def _header(tmp_path: Path, folder: str, name: str) -> list[str]:
    return (tmp_path / "reports" / folder / name).read_text(encoding="utf-8-sig").splitlines()[0].split(",")


def _with_hidden_state(path: Path) -> Path:
    book = load_workbook(path)
    book.worksheets[0].column_dimensions["D"].hidden = True
    book.save(path)
    return path


def test_hidden_columns_stay_out_of_the_results_and_remain_for_corrections(
    pay: Any, workbook: Callable[..., Path], tmp_path: Path
) -> None:
    path = _with_hidden_state(workbook((), ()))
    book = load_workbook(path)
    book.worksheets[0]["B2"] = "06595"
    book.save(path)
    plan = pay("run", path, *PRODUCT, "--skip-refused", code=1)
    assert "left out of the report: state" in " ".join(plan.stdout.split())
    assert _header(tmp_path, "list-pay", "results.csv")[:4] == ["reference", "phone", "amount", "result_line"]
    for file in ("results.csv", "results.jsonl"):
        assert "rejected" not in (tmp_path / "reports/list-pay" / file).read_text(encoding="utf-8-sig")
    sheets = load_workbook(tmp_path / "reports/list-pay/results.xlsx")
    assert not [
        cell for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row if cell == "rejected"
    ]
    [rest] = (tmp_path / "reports/list-pay").glob("*not-completed*.csv")
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(rest.read_text(encoding="utf-8-sig").replace("06595", "+6595123501", 1))
    pay("run", path, *PRODUCT, "--corrections", corrected)
    pay("report", "list/pay", "--report-dir", tmp_path / "again", "--format", "csv")
    assert "rejected" not in (tmp_path / "again/results.csv").read_text(encoding="utf-8-sig")


def test_a_job_chooses_and_orders_the_columns_of_its_report(
    pay: Any, workbook: Callable[..., Path], tmp_path: Path
) -> None:
    _with_hidden_state(workbook((), ()))
    job = tmp_path / "rewards.toml"
    text = 'list = "pay.xlsx"\nproduct = 6418\nrun_key = "november"\n[report]\n'
    job.write_text(text + 'columns = ["state", "reference"]\n')
    pay("run", job)
    assert _header(tmp_path, "rewards-november", "results.csv")[:3] == ["state", "reference", "result_line"]
    job.write_text(text + 'columns = ["reference"]\n')
    pay("run", job)
    assert _header(tmp_path, "rewards-november", "results.csv")[:2] == ["reference", "result_line"]
    job.write_text(text + 'columns = ["salary"]\n')
    result = pay("run", job, code=3)
    assert 'no column "salary", which [report] columns names' in " ".join(result.stderr.split())
    assert 'no column "salary"' in pay("job", "check", job, code=3).stdout
