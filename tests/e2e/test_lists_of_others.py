"""Lists that were not made for us: titles, totals, signatures, filters of a command line, duplicates left out."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

PRODUCT = ("--product", 6418)
LIST = """Payroll November 2026
Printed on,2026-11-30

reference,phone,amount,state
o1,+6591235001,5,paid

o2,+6591235002,6,open
o3,+6591235003,7,paid
Total,,18,

Prepared by: Jane,,,
"""


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A list with titles above it, and a total and a signature below."""
    path = tmp_path / "others.csv"
    path.write_text(LIST, encoding="utf-8")
    return path


def paid(books: Any) -> list[str]:
    return sorted(each["credit_party"][-1:] for each in books()["transactions"])


def test_only_people_are_paid_and_all_else_is_named(pay: Any, books: Any, others: Path, tmp_path: Path) -> None:
    planned = pay("plan", others, *PRODUCT)
    shown = " ".join(planned.stdout.split())
    assert (
        "Left out, as no part of the list: 2 rows above the column names (lines 1, 2), 1 totals row (line 9), "
        "1 signature row (line 11)."
    ) in shown
    found = json.loads(pay("plan", others, *PRODUCT, "--json").stdout)
    assert found["outside_rows"] == {"titles": [1, 2], "totals": [9], "signatures": [11]}
    pay("run", others, *PRODUCT, "--report-dir", "out")
    assert paid(books) == ["1", "2", "3"]
    with (tmp_path / "out" / "left-out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["list_line"] for row in rows] == ["1", "2", "9", "11"]
    assert rows[2]["amount"] == "18"
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["result_line"] for row in csv.DictReader(file)] == ["5", "7", "8"]


def test_a_filter_of_the_command_line_is_kept_by_the_run(pay: Any, books: Any, others: Path) -> None:
    pay("run", others, *PRODUCT, "--filter", "state = paid", "--report-dir", "out")
    assert paid(books) == ["1", "3"]
    # Without the option, the run reads its list as it did.
    again = pay("run", others, *PRODUCT, "--report-dir", "out")
    assert paid(books) == ["1", "3"]
    assert 'by filter "state" is "paid"' in " ".join(again.stdout.split())


def test_a_header_row_of_the_command_line_is_kept_by_the_run(pay: Any, books: Any, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("phone,amount,reference\ntel,amount,reference\n+6591235001,5,a\n", encoding="utf-8")
    refused = pay("run", path, *PRODUCT, code=3)
    assert "Choose one: --header-row 1 or --header-row 2." in " ".join(refused.stderr.split())
    pay("run", path, *PRODUCT, "--header-row", 2)
    pay("run", path, *PRODUCT)
    assert paid(books) == ["1"]


@pytest.mark.parametrize("text", ["state", "state > 5", "= paid", "state =", "state is", "is blank"])
def test_what_is_no_filter_is_told(pay: Any, others: Path, text: str) -> None:
    result = pay("plan", others, *PRODUCT, "--filter", text, code=2)
    assert "is not a filter. Write it like" in " ".join(result.stderr.replace("│", " ").split())


TWICE = """reference,phone,amount,note
t1,+6591235001,5,a
t2,+6591235002,5,b
t1,+6591235001,5.00,c
"""


def test_an_exact_duplicate_is_left_out_and_counted_on_its_own(pay: Any, books: Any, tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text(TWICE, encoding="utf-8")
    pay("run", path, *PRODUCT, code=3)
    assert not books()["transactions"]
    planned = json.loads(pay("plan", path, *PRODUCT, "--keep", "first", "--json").stdout)
    assert (planned["accepted"], planned["duplicates_left_out"]) == (2, 1)
    result = pay("run", path, *PRODUCT, "--keep", "first", "--report-dir", "out")
    assert "All done: 2 of 3 rows completed, 1 left out as duplicate." in " ".join(result.stdout.split())
    assert paid(books) == ["1", "2"]
    assert "left out as duplicates" in result.stdout.rpartition("completed, 1 left out")[2]
    assert "refused" not in result.stdout
    assert "1 left out as duplicates" in result.stderr
    assert json.loads(pay("status", "twice", "--json").stdout)["duplicates_left_out"] == 1
    [listed] = json.loads(pay("status", "--json").stdout)
    assert (listed["counts"]["refused"], listed["duplicates_left_out"]) == (1, 1)
    shown = pay("status").stdout
    assert "refused" not in shown
    assert "left out" in shown
    assert not list((tmp_path / "out").glob("*not-completed*"))
    # The run keeps the choice.
    pay("run", path, *PRODUCT, "--report-dir", "out")
    assert paid(books) == ["1", "2"]


def test_what_is_left_out_as_a_duplicate_is_nothing_to_fix(pay: Any, tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text(TWICE, encoding="utf-8")
    planned = pay("plan", path, *PRODUCT, "--keep", "first", "--marked", "m.xlsx").stdout
    assert "No row needs a fix, so m.xlsx was not written." in planned
    assert "Refused rows" not in planned
    assert "--marked" not in pay("plan", path, *PRODUCT, "--keep", "first").stdout
    path.write_text(f"{TWICE}t9,x,5,a\n", encoding="utf-8")
    pay("plan", path, *PRODUCT, "--keep", "first", "--marked", "m.xlsx", code=3)
    sheet = load_workbook(tmp_path / "m.xlsx").worksheets[0]
    assert {cell.row for row in sheet.iter_rows() for cell in row if cell.fill.fill_type} == {sheet.max_row}


def test_a_list_below_titles_is_marked_under_its_own_columns(pay: Any, others: Path, tmp_path: Path) -> None:
    others.write_text(LIST.replace("+6591235002", "x").replace("o3", "o1"), encoding="utf-8")
    planned = pay("plan", others, *PRODUCT, "--marked", "m.xlsx", code=3).stdout
    sheet = load_workbook(tmp_path / "m.xlsx").worksheets[0]
    marked = {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.fill.fill_type}
    assert "B7" in marked
    assert not marked & {"A1", "A2", "A4", "B4", "B5"}
    again = pay("plan", "m.xlsx", *PRODUCT, "--run-key", "others", "--json", code=3).stdout
    assert json.loads(again)["refused"] == 2
    assert "m.xlsx" in planned


def test_a_workbook_with_titles_and_a_total_is_annotated(pay: Any, tmp_path: Path) -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    for line in LIST.splitlines():
        sheet.append([int(cell) if cell.isdigit() else cell or None for cell in line.split(",")])
    workbook.save(tmp_path / "others.xlsx")
    pay("run", "others.xlsx", *PRODUCT)
    # Titles, totals and signatures are in no run, so that they lack no outcome.
    shown = pay("annotate", "list/others", "others.xlsx", "--output", "done.xlsx").stdout
    assert "3 rows of others.xlsx" in shown
    done = load_workbook(tmp_path / "done.xlsx").worksheets[0]
    assert [done.cell(row, 5).value for row in (4, 5, 9)] == ["result_state", "completed", None]


@pytest.mark.parametrize("row", ["t1,+6591235001,6,a", "t3,+6591235001,5,a", "t1,+6591235003,5,a"])
def test_a_row_that_differs_is_no_exact_duplicate(pay: Any, books: Any, tmp_path: Path, row: str) -> None:
    path = tmp_path / "twice.csv"
    path.write_text(f"reference,phone,amount,note\nt1,+6591235001,5,a\n{row}\n", encoding="utf-8")
    pay("run", path, *PRODUCT, "--keep", "first", code=3)
    assert not books()["transactions"]


def test_keep_never_pays_what_another_run_has_paid(pay: Any, books: Any, tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text(TWICE, encoding="utf-8")
    pay("run", path, *PRODUCT, "--keep", "first")
    pay("run", path, *PRODUCT, "--keep", "first", "--run-key", "other", code=3)
    assert paid(books) == ["1", "2"]
    pay("plan", path, *PRODUCT, "--keep", "first", "--allow-duplicates", "--run-key", "third", code=3)


def test_a_filter_needs_references_where_duplicates_are_allowed(pay: Any, tmp_path: Path) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("phone,amount,state\n+6591235001,5,paid\n+6591235001,5,open\n", encoding="utf-8")
    given = ("--filter", "state = paid", "--allow-duplicates")
    assert "needs a reference" in " ".join(pay("run", path, *PRODUCT, *given, code=2).stderr.split())


STATES = (
    "reference,phone,amount,state\n{0}1,+659123500{1},5,paid\n{0}2,+659123500{2},6,open\n{0}3,+659123500{3},7,paid\n"
)
STOPPED = ("--deadline", "2020-01-01T00:00Z")


@pytest.fixture
def two_lists(tmp_path: Path) -> tuple[Path, Path]:
    """Two lists of one payout."""
    lists = tmp_path / "a.csv", tmp_path / "b.csv"
    lists[0].write_text(STATES.format("a", 1, 2, 3), encoding="utf-8")
    lists[1].write_text(STATES.format("b", 4, 5, 6), encoding="utf-8")
    return lists


def test_each_list_of_a_run_keeps_its_own_filter(pay: Any, books: Any, two_lists: tuple[Path, Path]) -> None:
    first, second = two_lists
    run = ("--run-key", "k", *PRODUCT)
    pay("run", first, *run, "--filter", "state = paid")
    pay("run", second, *run, "--add", *STOPPED, code=75)
    assert 'left out by filter "state" is "paid"' in pay("run", first, *run).stdout
    assert paid(books) == ["1", "3", "4", "5", "6"]


def test_the_filter_of_an_added_list_takes_no_row_out_of_the_first(
    pay: Any, books: Any, two_lists: tuple[Path, Path]
) -> None:
    first, second = two_lists
    run = ("--run-key", "k", *PRODUCT)
    pay("run", first, *run)
    pay("run", second, *run, "--filter", "state = paid", "--add", *STOPPED, code=75)
    assert "left out" not in pay("run", first, *run).stdout
    assert paid(books) == ["1", "2", "3", "4", "6"]


@pytest.mark.parametrize("is_same", [True, False])
def test_a_list_under_another_path_is_read_as_all_lists_of_its_run_or_refused(
    pay: Any, books: Any, tmp_path: Path, two_lists: tuple[Path, Path], is_same: bool
) -> None:
    first, second = two_lists
    run, filter_ = ("--run-key", "k", *PRODUCT), ("--filter", "state = paid")
    pay("run", first, *run, *filter_)
    pay("run", second, *run, *(filter_ if is_same else ()), "--add", *STOPPED, code=75)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(first.read_bytes())
    result = pay("run", copy, *run, code=0 if is_same else 3)
    if is_same:
        assert paid(books) == ["1", "3", "4", "6"]
    else:
        assert f"Name the list as it was named before: {first} or {second}" in " ".join(result.stderr.split())
        assert paid(books) == ["1", "3"]
