import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.utils.escape import unescape

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.purchase_secrets import UndecryptedSecret
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Tally
from bulk_topup.errors import ReportError
from bulk_topup.report.columns import RESULT_FIELDS
from bulk_topup.report.formats import xlsx_esims
from bulk_topup.report.formats.xlsx_results import xlsx_results
from bulk_topup.report.formats.xlsx_sheets import SHEET_COLUMNS
from bulk_topup.report.qr_code import qr_png

_INDEX = {field: 3 + index for index, field in enumerate(RESULT_FIELDS)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "written.xlsx"


@pytest.fixture
def book(path: Path, run: Run) -> Callable[..., Workbook]:
    """Return a function that writes rows as a workbook and reads it again."""

    def write(rows: Sequence[Outcome], *, run: Run = run, reveal_pins: bool = False, sheet_rows: int = 100) -> Workbook:
        tally = Tally(run)
        tally.add(Outcomes.of(rows))
        with xlsx_results(path, run, tally, reveal_pins=reveal_pins, sheet_rows=sheet_rows) as sink:
            sink(Outcomes.of(rows))
        return load_workbook(path)

    return write


def _row(workbook: Workbook, row: int = 2, sheet: str = "Results") -> list[Cell]:
    return [cell for cell in workbook[sheet][row] if isinstance(cell, Cell)]


def _values(workbook: Workbook, sheet: str) -> Iterator[tuple[object, ...]]:
    for row in workbook[sheet].iter_rows(values_only=True):
        yield tuple(value for value in row if value is not None)


def test_the_sheets_are_results_summary_and_refused(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    workbook = book([outcome()])
    assert workbook.sheetnames == ["Results", "Summary", "Refused"]
    assert [cell.value for cell in _row(workbook, 1)] == [
        "employee",
        "phone",
        "amount",
        *(f"result_{field}" for field in RESULT_FIELDS),
    ]


def test_the_header_is_frozen_and_filters_every_row(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    sheet = book([outcome(), outcome(line=3)])["Results"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:AK3"


def test_amounts_and_counts_are_numbers_and_ids_are_text(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    row = _row(book([outcome()]))
    numbers = {field for field, index in _INDEX.items() if row[index].data_type == "n" and row[index].value is not None}
    assert numbers == {"line", "amount", "attempt", "planned_cost", "price", "fee", "delivered", "retail_price"}
    assert row[_INDEX["transaction_id"]].value == "2237512891"
    assert row[_INDEX["product_id"]].value == "6418"
    assert row[_INDEX["created"]].value == "2026-11-24T02:01:05.123456Z"
    assert [cell.value for cell in row[:3]] == ["E1", "+6595123100", "12.50"]


@pytest.mark.parametrize(
    "amount",
    ["5.00", "0.1", "1E+3", "0.000000001", "123456789012345", "1234567890.12345", "999999999999999", "0E-9", "-2.50"],
)
def test_the_digits_of_a_number_cell_are_the_amounts_own(
    path: Path, book: Callable[..., Workbook], outcome: Callable[..., Outcome], amount: str
) -> None:
    cell = _row(book([outcome(amount=Decimal(amount))]))[_INDEX["amount"]]
    assert cell.data_type == "n"
    assert Decimal(repr(cell.value)) == Decimal(amount)
    with zipfile.ZipFile(path) as parts:
        xml = parts.read("xl/worksheets/sheet1.xml").decode()
    digits = xml.split(f'r="{cell.coordinate}"')[1].split("<v>")[1].split("</v>")[0]
    assert Decimal(digits) == Decimal(amount)


@pytest.mark.parametrize("amount", ["1234567890123456", "0.1234567890123456", "123456789012345678.123456789"])
def test_an_amount_with_more_digits_than_a_number_cell_keeps_is_text(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome], amount: str
) -> None:
    cell = _row(book([outcome(amount=Decimal(amount))]))[_INDEX["amount"]]
    assert (cell.data_type, cell.value) == ("s", amount)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "{=1+1}",
        "http://example.org",
        "mailto:a@example.org",
        "internal:Sheet1!A1",
        "007",
        "<r>x</r>",
        "<r><t>forged</t></r>",
        "<b>&amp;\"'",
        "_x0041_",
        " spaces ",
        "one\ntwo",
    ],
)
def test_texts_are_unchanged(
    path: Path, run: Run, book: Callable[..., Workbook], outcome: Callable[..., Outcome], text: str
) -> None:
    refused = outcome(cells=(text, "", ""), state=RowState.REFUSED, problems=(Problem(column=text, message=text),))
    workbook = book([refused], run=replace(run, run_key=text, columns=(text, "b", "c")))
    cells = [
        _row(workbook, 1)[0],
        _row(workbook)[0],
        *_row(workbook, 2, "Refused")[1:4],
        _row(workbook, 1, "Summary")[1],
    ]
    assert [unescape(str(cell.value)) for cell in cells] == [text] * 5 + [f"payroll/{text}"]
    assert {cell.data_type for cell in cells} == {"s"}
    with zipfile.ZipFile(path) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if "worksheets/" in name]
    assert not [xml for xml in sheets if re.search(b"<f[ />]|<hyperlink", xml)]


def test_text_like_a_formula_stays_text_when_the_cell_is_edited(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    row = _row(book([outcome(cells=("=1+1", "x", "7"))]))
    assert [cell.quotePrefix for cell in row[:3]] == [True, False, False]
    assert [cell.number_format for cell in row[:3]] == ["@", "@", "@"]


def test_control_characters_are_shown_and_long_text_is_cut(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    row = _row(book([outcome(cells=("a\x00b\ud800", "x" * 40_000, "one\r\ntwo"))]))
    assert row[0].value == "a\u2400b\ufffd"
    assert row[1].value == "x" * 32_766 + "…"
    assert row[2].value == "one\ntwo"


def test_the_state_is_coloured_by_what_is_left_to_do(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    sheet = book([outcome(line=2 + number, state=state) for number, state in enumerate(RowState)])["Results"]
    cells = [row[_INDEX["state"]] for row in sheet.iter_rows(min_row=2)]
    colours = {cell.value: cell.fill.fgColor.rgb for cell in cells}
    green, amber, red = (colours[state] for state in ("completed", "accepted", "failed"))
    assert len({green, amber, red}) == 3
    assert {state for state, colour in colours.items() if colour == green} == {"completed"}
    assert {state for state, colour in colours.items() if colour == amber} == {"pending", "in_flight", "accepted"}
    assert {state for state, colour in colours.items() if colour == red} == {
        "refused",
        "failed",
        "reversed",
        "conflict",
    }


def test_every_problem_of_a_refused_row_has_a_line_with_the_lists_cells(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    problems = (Problem(column="phone", message="Not a number."), Problem(column="", message="Twice."))
    workbook = book(
        [
            outcome(),
            outcome(line=3, state=RowState.REFUSED, problems=problems, cells=("E2", "0659", "1")),
            outcome(line=4, state=RowState.REFUSED, message="Limit reached.", cells=("E3", "", "")),
        ]
    )
    assert list(_values(workbook, "Refused")) == [
        ("Line", "Column", "Problem", "employee", "phone", "amount"),
        (3, "phone", "Not a number.", "E2", "0659", "1"),
        (3, "Twice.", "E2", "0659", "1"),
        (4, "Limit reached.", "E3"),
    ]


def test_the_summary_has_the_run_the_states_the_totals_and_the_money(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    rows = [outcome(), outcome(line=3), outcome(line=4, state=RowState.ACCEPTED, price=Decimal("0.5"))]
    rows_of_summary = list(_values(book(rows), "Summary"))
    for line in (
        ("Run", "payroll/2026-11"),
        ("Environment", "sandbox"),
        ("List", "lists/payroll.csv"),
        ("Started", "2026-11-24T02:00:00Z"),
        ("completed", 2),
        ("reversed", 0),
        ("all", 3),
        ("accepted", "6418", 1, 12.5, "SGD", 0.5, 0.05, "USD"),
        ("completed", "6418", 2, 25, "SGD", 18.6, 0.1, "USD"),
    ):
        assert line in rows_of_summary
    assert rows_of_summary[-10:] == [
        ("Charged (completed rows, price and fee)", "Amount"),
        ("USD", 18.7),
        (),
        ("Planned for completed rows (price and fee)", "Amount"),
        ("USD", 18.7),
        (),
        ("On hold (accepted rows, price and fee)", "Amount"),
        ("USD", 0.55),
        (),
        ("Charged or on hold (rows in conflict, price and fee)", "Amount"),
    ]


def test_rows_continue_on_further_sheets_where_one_is_full(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    rows = [outcome(line=2 + number, state=RowState.REFUSED) for number in range(7)]
    workbook = book(rows, sheet_rows=4)
    assert workbook.sheetnames == ["Results", "Summary", "Refused", "Results 2", "Refused 2", "Results 3", "Refused 3"]
    for sheet_name, index in (("Results", _INDEX["line"]), ("Refused", 0)):
        pages = [workbook[name] for name in workbook.sheetnames if name.startswith(sheet_name)]
        assert [page.max_row for page in pages] == [4, 4, 2]
        assert [page.auto_filter.ref[-1] for page in pages] == ["4", "4", "2"]
        assert len({tuple(cell.value for cell in page[1]) for page in pages}) == 1
        lines = [row[index] for page in pages for row in page.iter_rows(min_row=2, values_only=True)]
        assert lines == list(range(2, 9))


def test_a_full_last_sheet_is_not_followed_by_an_empty_one(
    book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    workbook = book([outcome(line=2 + number) for number in range(3)], sheet_rows=4)
    assert workbook.sheetnames == ["Results", "Summary", "Refused"]


def test_a_list_with_more_columns_than_a_sheet_is_an_error(path: Path, book: Callable[..., Workbook], run: Run) -> None:
    limit = SHEET_COLUMNS - len(RESULT_FIELDS)
    columns = tuple(f"c{number}" for number in range(limit + 1))
    with pytest.raises(
        ReportError,
        match=f"has {limit + 1:,} columns, more than the {limit:,} that fit .*Write the report as csv or jsonl",
    ):
        book([], run=replace(run, columns=columns))
    assert not path.exists()


def test_temporary_files_are_private_and_gone_at_the_end(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    with xlsx_results(path, run, Tally(run), reveal_pins=False) as sink:
        sink(Outcomes.of([outcome()]))
        [folder] = path.parent.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(part.stat().st_mode) for part in folder.iterdir()} == {0o600}
    assert list(path.parent.iterdir()) == [path]


def test_the_same_rows_give_the_same_workbook(
    path: Path, book: Callable[..., Workbook], outcome: Callable[..., Outcome]
) -> None:
    book([outcome()])
    before = path.read_bytes()
    book([outcome()])
    assert path.read_bytes() == before


def test_a_revealed_workbook_has_the_qr_codes_of_completed_esims(
    path: Path, run: Run, outcome: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_esims, "MAX_QR_CODES", 2)
    lost = UndecryptedSecret("(No key.)")
    rows = [
        outcome(esim_activation_code="=LPA"),
        outcome(line=3, esim_activation_code=None),
        outcome(line=4, state=RowState.REVERSED),
        outcome(line=5, esim_activation_code=lost),
        outcome(line=6, esim_activation_code="x" * 3_000),
        outcome(line=7),
    ]

    def written(*, reveal_pins: bool) -> tuple[list[bytes], bytes]:
        with xlsx_results(path, run, Tally(run), reveal_pins=reveal_pins) as sink:
            sink(Outcomes.of(rows))
        with zipfile.ZipFile(path) as archive:
            pictures = [archive.read(name) for name in archive.namelist() if "media/" in name]
            return pictures, b"".join(archive.read(name) for name in archive.namelist() if "sheet4" in name)

    pictures, sheet = written(reveal_pins=True)
    assert pictures == [qr_png("=LPA", scale=4)]
    assert b"<f>" not in sheet
    assert re.findall(rb"<c r=.A\d.><v>(\d)</v>", sheet) == [b"2", b"6", b"7"]
    assert sheet.count(b"pin-files") == 2
    assert written(reveal_pins=False) == ([], b"")
