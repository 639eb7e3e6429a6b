import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bulk_topup.domain.corrections import row_fingerprint
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Tally
from bulk_topup.report.columns import RESULT_FIELDS
from bulk_topup.report.formats.csv_results import csv_results, not_completed_rows
from bulk_topup.report.reasons import why_not_completed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "written.csv"


def _read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, strict=True))


def _results(path: Path, run: Run, rows: Sequence[Outcome], *, reveal_pins: bool = False) -> list[dict[str, str]]:
    with csv_results(path, run, Tally(run), reveal_pins=reveal_pins) as sink:
        sink(Outcomes.of(rows))
    header, *lines = _read(path)
    return [dict(zip(header, line, strict=True)) for line in lines]


def _rest(path: Path, run: Run, rows: Sequence[Outcome]) -> list[list[str]]:
    with not_completed_rows(path, run) as sink:
        sink(Outcomes.of(rows))
    return _read(path)


def test_the_lists_own_columns_come_first_and_the_results_after_them(
    path: Path, run: Run, outcome: Callable[..., Outcome]
) -> None:
    [row] = _results(path, run, [outcome()])
    assert list(row) == ["employee", "phone", "amount", *(f"result_{field}" for field in RESULT_FIELDS)]
    assert row["amount"] == "12.50"
    assert row["result_amount"] == "12.5"
    assert row["result_state"] == "completed"


def test_spreadsheets_find_a_byte_order_mark_and_crlf(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    _results(path, run, [outcome()])
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfemployee,")
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 2


def test_no_text_of_the_list_or_of_dvs_is_a_formula(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    columns = ("=header", "@b", "c")
    row = outcome(
        cells=("=1+1", "@x", "\tx"),
        state=RowState.FAILED,
        message="-message",
        note="=note",
        unit="=unit",
        external_id="=id",
        status_class="=class",
        status_message="=status",
        price_unit="=unit",
        delivered_unit="=delivered",
        bonus="=bonus",
        retail_unit="=retail",
        operator_reference='=HYPERLINK("http://x")',
        pin_code="=code",
        pin_serial="\rserial",
        esim_activation_code="=LPA",
        esim_installation_url="@https://esim.example",
    )
    with csv_results(path, replace(run, columns=columns), Tally(run), reveal_pins=True) as sink:
        sink(Outcomes.of([row]))
    cells = [cell for line in _read(path) for cell in line]
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r")]
    assert {"'=header", "'=1+1", "'-message", "'\rserial", "'+6595123100"} <= set(cells)


def test_pins_are_masked_unless_they_are_revealed(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    [masked] = _results(path, run, [outcome()])
    assert (masked["result_pin_code"], masked["result_pin_serial"]) == ("••••", "••••")
    assert b"1234-5678" not in path.read_bytes()
    [shown] = _results(path, run, [outcome()], reveal_pins=True)
    assert (shown["result_pin_code"], shown["result_pin_serial"]) == ("1234-5678", "SERIAL-9")


def test_line_breaks_quotes_and_nuls_in_cells_stay(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    cells = ("a\r\nb\nc\rd", 'say "x", y', "z\x00z")
    [row] = _results(path, run, [outcome(cells=cells)])
    assert tuple(row.values())[:3] == cells


def test_half_a_surrogate_pair_does_not_stop_the_report(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    rows = _results(path, run, [outcome(cells=("a\ud800", "", "")), outcome(line=3)])
    assert rows[0]["employee"] == "a\\ud800"
    assert len(rows) == 2


def test_rows_with_too_few_or_too_many_cells_do_not_shift_the_results(
    path: Path, run: Run, outcome: Callable[..., Outcome]
) -> None:
    short, long = _results(path, run, [outcome(cells=("a",)), outcome(cells=("a", "b", "c", "d"))])
    assert (short["employee"], short["phone"], short["result_line"]) == ("a", "", "2")
    assert (long["amount"], long["result_line"]) == ("c", "2")
    assert long["result_note"] == 'Cells beyond the header: "d".'


def test_not_completed_rows_have_the_lists_columns_the_line_and_a_reason(
    path: Path, run: Run, outcome: Callable[..., Outcome]
) -> None:
    refused = outcome(
        line=3,
        state=RowState.REFUSED,
        cells=("E2", "0659", "1"),
        problems=(Problem(column="phone", message='"0659" is not an E.164 number.'),),
    )
    held = outcome(line=4, state=RowState.ACCEPTED)
    why = why_not_completed(run)
    assert _rest(path, run, [refused, held]) == [
        ["employee", "phone", "amount", "list_line", "list_fingerprint", "reason"],
        ["E2", "0659", "1", "3", row_fingerprint(run.columns, refused.cells), why(refused)],
        ["E1", "'+6595123100", "12.50", "4", row_fingerprint(run.columns, held.cells), why(held)],
    ]


def test_a_row_that_left_the_list_has_no_line(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    row = _rest(path, run, [outcome(state=RowState.FAILED, in_list=False)])[1]
    assert row[3] == ""


def test_a_reason_column_of_the_list_is_replaced_in_its_place(
    path: Path, run: Run, outcome: Callable[..., Outcome]
) -> None:
    again = replace(run, columns=("reason", "phone"))
    failed = outcome(state=RowState.FAILED, cells=("Not paid. Old words.", "+6595123100"), message="Barred.")
    header, row = _rest(path, again, [failed])
    assert header == ["reason", "phone", "list_line", "list_fingerprint"]
    fingerprint = row_fingerprint(("phone",), ("+6595123100",))
    assert row == [why_not_completed(again)(failed), "'+6595123100", "2", fingerprint]


def test_a_row_with_fewer_cells_still_has_its_reason_in_the_last_column(
    path: Path, run: Run, outcome: Callable[..., Outcome]
) -> None:
    failed = outcome(state=RowState.FAILED, cells=())
    fingerprint = row_fingerprint(run.columns, ("", "", ""))
    assert _rest(path, run, [failed])[1] == ["", "", "", "2", fingerprint, why_not_completed(run)(failed)]
