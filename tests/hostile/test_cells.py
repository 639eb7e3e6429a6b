"""Cells that are broken or made to do harm: each refuses its own row with one message, and only valid rows are paid."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

Pay = Callable[..., Any]

HEADER = ("reference", "phone", "amount", "currency", "product", "beneficiary.email", "beneficiary surname")
GOOD = ("R-good", "+6595123100", "5", "SGD", "6418", "ann@example.com", "Doe")

PHONES = (
    "6.595123001E9", "6595123001.0", "+65951230O1", "+65 9512 30l1", "+６５９５１２３１０１", "+٦٥٩٥١٢٣١٠١",
    "+65951231\u202e01", "+6595\u200b123101", "'+659512310l", "+65", "+" + "9" * 400, "0x6595123001", "TRUE",
    "2026-11-30", "#REF!", "=6595123100", "tel:+6595123101", "+6595123101;+6595123102", "+6595123101,ext=5",
    "-6595123101", "[/]", "NaN",
)  # fmt: skip
AMOUNTS = (
    "1" + "0" * 400, "NaN", "Infinity", "-inf", "1e5", "1E+2", "0x10", "1,000", "1.000,00", "1 000", "1'000",
    "1\u2019000", "1\u00a0000", "1\u202f000", "-5", "\u22125", "+5", "0", "-0", "0.00", "5.0000000001",
    "0." + "0" * 40 + "1", "５", "٥", "O", "l0", "5\u202e5", "5\u200d5", "'", "€5", "5 USD", "$", "5%", "1/2", "½",
    "TRUE", "2026-11-30", "#VALUE!", "=2+3", "..5", "5.", ".5", "1_000", "5\t5", "[bold]5", "∞", "5e-1", "9" * 19,
    "(5)",
)  # fmt: skip
REFERENCES = ("R\u0007x", "R\nx", "R\x1b[2Jx", "R\u202ex", "R\u2028x", "=1+1", "#N/A", "x" * 10_000)
CURRENCIES = ("USD", "S$", "SG D", "ＳＧＤ", "XXXX", "SG\u200dD")
PRODUCTS = (
    "0",
    "-1",
    str(2**63),
    "2147483648",
    "1.0",
    "6418.5",
    "6 418",
    "６４１８",
    "0x1912",
    "six",
    "99999",
    "9" * 5000,
)
EMAILS = (
    "ann@example.com\nBcc: all@example.com",
    "ann@example.com\rX: y",
    "ann\u200b@example.com",
    "x" * 2000 + "@x.com",
)


def _write(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def _rows(column: str, cells: Sequence[str]) -> list[tuple[str, ...]]:
    """Return a row for each cell, valid apart from it."""
    rows = []
    for number, cell in enumerate(cells):
        row = dict(zip(HEADER, GOOD, strict=True))
        row |= {"reference": f"R-{number}", "phone": f"+65951232{number:02}", column: cell}
        rows.append(tuple(row.values()))
    return rows


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("phone", PHONES),
        ("amount", AMOUNTS),
        ("reference", REFERENCES),
        ("currency", CURRENCIES),
        ("product", PRODUCTS),
        ("beneficiary.email", EMAILS),
    ],
)
def test_a_hostile_cell_refuses_its_row_and_only_the_valid_row_is_paid(
    pay: Pay, books: Callable[[], list[dict[str, Any]]], tmp_path: Path, column: str, cells: tuple[str, ...]
) -> None:
    _write(tmp_path / "pay.csv", [*_rows(column, cells), GOOD])
    result = pay("run", "pay.csv", code=3)
    assert "Nothing was sent." in result.stderr
    assert "\x1b" not in result.output
    assert books() == []
    pay("run", "pay.csv", "--skip-refused", "--poll-interval", 0.05, "--rate", 1000, code=1)
    assert [entry["credit_party"] for entry in books()] == ["+6595123100"]
    with (tmp_path / "reports/list-pay/results.csv").open(encoding="utf-8-sig", newline="") as file:
        results = list(csv.DictReader(file))
    assert [row["result_state"] for row in results] == ["refused"] * len(cells) + ["completed"]
    for row in results[:-1]:
        assert column in row["result_reason"]
        assert len(row["result_reason"]) < 400


def test_invisible_spaces_around_a_value_are_ignored(
    pay: Pay, books: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    _write(
        tmp_path / "pay.csv", [("\u00a0R-1\u200b", " +65\u00a09512 3101\u2009", "\ufeff5\t", "sgd", " 06418 ", "", "")]
    )
    pay("run", "pay.csv", "--poll-interval", 0.05, code=0)
    assert [entry["credit_party"] for entry in books()] == ["+6595123101"]


def test_no_cell_of_a_list_becomes_a_formula_in_a_report(pay: Pay, tmp_path: Path) -> None:
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "|calc"]
    rows = [("R-" + str(n), f"+65951232{n:02}", "5", "SGD", "6418", "", start) for n, start in enumerate(starts)]
    _write(tmp_path / "pay.csv", rows)
    pay("run", "pay.csv", "--skip-refused", "--poll-interval", 0.05, "--rate", 1000, code=1)
    folder = tmp_path / "reports/list-pay"
    for sheet in load_workbook(folder / "results.xlsx").worksheets:
        assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)
    for file in (folder / "results.csv", *folder.glob("*not-completed.csv")):
        with file.open(encoding="utf-8-sig", newline="") as opened:
            cells = [cell for line in csv.reader(opened) for cell in line]
        assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r") and cell]


@pytest.mark.parametrize("cells", [["[/red]", "[bold]x", "[link=http://x]y"], [":smile:", "\x1b[2J", "\\[x]"]])
def test_markup_and_escape_sequences_in_a_cell_are_shown_as_text(pay: Pay, tmp_path: Path, cells: list[str]) -> None:
    _write(tmp_path / "pay.csv", _rows("phone", cells))
    shown = pay("plan", "pay.csv", code=3).stdout
    for cell in cells:
        assert cell.replace("\x1b", "<U+001B>") in shown
    assert "\x1b" not in shown


def test_the_machine_readable_plan_is_json_whatever_the_cells_contain(pay: Pay, tmp_path: Path) -> None:
    _write(tmp_path / "pay.csv", _rows("amount", AMOUNTS))
    result = pay("plan", "pay.csv", "--json", code=3)
    assert json.loads(result.stdout)["refused"] == len(AMOUNTS)
