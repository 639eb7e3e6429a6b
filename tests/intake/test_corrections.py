"""Corrections: applied to the rows of the list that they were written for, and to no others."""

from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.corrections import KeptCorrection, note_of, row_fingerprint
from bulk_topup.domain.states import RowState
from bulk_topup.errors import ListError
from bulk_topup.intake import ListSource, open_table
from bulk_topup.intake.corrected_table import CorrectedTable
from bulk_topup.intake.corrections import read_corrections

COLUMNS = ("ref", "phone", "amount")
LIST = "ref,phone,amount\nA,+6595123400,5\nB,0659,7\n\nC,=1+1,9\n"
HEADER = "ref,phone,amount,list_line,list_fingerprint,reason\n"
KNOWN = {2: ["A", "+6595123400", "5"], 3: ["B", "0659", "7"], 5: ["C", "=1+1", "9"]}
#: The fingerprints of these rows.
A, B, C = (row_fingerprint(COLUMNS, cells) for cells in KNOWN.values())


def corrected_rows(
    folder: Path, corrections: str, known: dict[int, list[str]] | None = None, listed: str = LIST, **ledger: Any
) -> list[tuple[int, list[str]]]:
    (folder / "list.csv").write_text(listed)
    (folder / "rest.csv").write_text(corrections)
    table = open_table(ListSource(path=folder / "list.csv"))
    found = read_corrections(folder / "rest.csv")
    corrected = CorrectedTable(table, "list.csv", corrections=found, known=known or KNOWN, **ledger)
    return [row for row in corrected.rows() if any(row[1])]


def test_corrected_cells_replace_those_of_the_list(tmp_path: Path) -> None:
    rows = corrected_rows(tmp_path, HEADER + f"B,+6595123401,7,3,{B},Not paid. It is no number.\n")
    assert rows == [(2, KNOWN[2]), (3, ["B", "+6595123401", "7"]), (5, KNOWN[5])]


def test_the_guard_against_formulas_is_no_correction(tmp_path: Path) -> None:
    file = HEADER + f"A,'+6595123400,5,2,{A},x\nC,'=1+1,9,5,{C},x\n"
    assert corrected_rows(tmp_path, file) == list(KNOWN.items())


def test_columns_and_rows_may_be_in_another_order(tmp_path: Path) -> None:
    file = f"list_line,amount,phone,ref,list_fingerprint\n5,9,+6595123405,C,{C}\n3,8,0659,B,{B}\n"
    rows = corrected_rows(tmp_path, file)
    assert rows == [(2, KNOWN[2]), (3, ["B", "0659", "8"]), (5, ["C", "+6595123405", "9"])]


REORDERED = "ref,phone,amount\nB,0659,7\nA,+6595123400,5\nC,=1+1,9\n"
KNOWN_REORDERED = {2: KNOWN[3], 3: KNOWN[2], 4: KNOWN[5]}


def test_a_correction_never_falls_on_another_row_that_has_its_line_by_now(tmp_path: Path) -> None:
    with pytest.raises(ListError, match=r"rest\.csv line 2 corrects line 3 of list\.csv, which changed since\. Write"):
        corrected_rows(tmp_path, HEADER + f"B,+6595123401,7,3,{B},x\n", KNOWN_REORDERED, REORDERED)


def test_a_row_that_nobody_edited_changes_nothing_wherever_the_list_has_it_by_now(tmp_path: Path) -> None:
    file = HEADER + f"B,0659,7,3,{B},x\nC,=1+1,9,5,{C},x\nA,+6595123400,6,3000,{A},x\n"
    with pytest.raises(ListError, match="corrects 1 row that"):
        corrected_rows(tmp_path, file, KNOWN_REORDERED, REORDERED)
    file = HEADER + f"B,0659,7,3,{B},x\nC,=1+1,9,5,{C},x\n"
    assert corrected_rows(tmp_path, file, KNOWN_REORDERED, REORDERED) == list(KNOWN_REORDERED.items())


def test_a_row_that_left_the_list_may_stay_in_the_file_as_it_is(tmp_path: Path) -> None:
    file = HEADER + f"B,0659,7,,{B},x\n"
    assert corrected_rows(tmp_path, file) == list(KNOWN.items())
    with pytest.raises(ListError, match="Add new rows to the list itself"):
        corrected_rows(tmp_path, file.replace("0659", "+6595123401"))


@pytest.mark.parametrize(
    ("corrections", "expected"),
    [
        ("ref,phone,amount\nB,+6595123401,7\n", 'has no column "list_line"'),
        ("ref,phone,amount,list_line\nB,+6595123401,7,3\n", 'has no column "list_fingerprint"'),
        (f"ref,phone,list_line,list_fingerprint\nB,+6595123401,3,{B}\n", 'has no column "amount"'),
        (HEADER + f"B,+6595123401,7,three,{B},x\n", 'line 2, column "list_line": "three" is not a line'),
        (HEADER + f"B,+6595123401,7,{'9' * 5000},{B},x\n", r'line 2, column "list_line": "9{18}" is not a line'),
        (HEADER + f"B,+6595123401,7,,{B},x\n", "Add new rows to the list itself"),
        (HEADER + f"B,1,7,3,{B},x\nB,2,7,3,{B},x\n", "line 3: line 2 also corrects line 3 of the list. Remove one."),
        (HEADER + f"B,1,7,3,{B},x,y\n", "line 2: the row has 7 cells, but the header 6"),
        (HEADER + f"B,1,7,4,{B},x\n", "line 2 corrects line 4 of list.csv, which changed since"),
        (HEADER + f"B,1,7,99,{B},x\n", "corrects 1 row that list.csv does not have. The list changed since"),
        (HEADER + "B,1,7,3,,x\n", "line 2 corrects line 3 of list.csv, which changed since"),
        (
            HEADER + f"A,+6595123400,6,2,{A},Do not pay by other means: it is open.\n",
            "line 2: the row may be paid already",
        ),
    ],
)
def test_a_correction_that_does_not_fit_the_list_is_an_error_with_its_position(
    tmp_path: Path, corrections: str, expected: str
) -> None:
    with pytest.raises(ListError, match=expected):
        corrected_rows(tmp_path, corrections)


def test_a_list_that_was_a_file_of_another_run_keeps_what_the_report_wrote_there(tmp_path: Path) -> None:
    listed = HEADER + f"B,0659,7,18,{A},Not paid.\nC,=1+1,9,20,{C},Not paid.\n"
    known = {2: ["B", "0659", "7", "18", A, "Not paid."], 3: ["C", "=1+1", "9", "20", C, "Not paid."]}
    file = HEADER + f"B,+6595123401,7,2,{B},Not sent.\nC,=1+1,9,3,{C},Not sent.\n"
    rows = corrected_rows(tmp_path, file, known, listed)
    assert rows == [(2, ["B", "+6595123401", *known[2][2:]]), (3, known[3])]


def test_a_list_that_changed_since_is_not_corrected(tmp_path: Path) -> None:
    with pytest.raises(ListError, match=r"rest\.csv line 2 corrects line 3 of list\.csv, which changed since\. Write"):
        corrected_rows(tmp_path, HEADER + f"B,+6595123401,7,3,{B},x\n", {**KNOWN, 3: ["C", "=1+1", "9"]})


def test_a_row_that_must_not_be_paid_may_stay_in_the_file_unchanged(tmp_path: Path) -> None:
    rows = corrected_rows(tmp_path, HEADER + f"A,'+6595123400,5,2,{A},Do not pay by other means: it is open.\n")
    assert rows == list(KNOWN.items())


def test_a_row_that_may_be_paid_is_not_corrected_if_the_file_lacks_its_reason(tmp_path: Path) -> None:
    file = f"ref,phone,amount,list_line,list_fingerprint\nB,+6595123401,7,3,{B}\n"
    with pytest.raises(ListError, match=r"rest\.csv line 2: the row may be paid already"):
        corrected_rows(tmp_path, file, unclear={3})


@pytest.mark.parametrize(
    ("listed", "given"),
    [(" Bob", "Bob"), ("Bob ", "Bob"), ("\tBob", "'\tBob"), ("Ann\r\nBob", "Ann\nBob"), (" =1", "=1"), ("'-1", "-1")],
)
def test_what_a_spreadsheet_program_changes_in_a_cell_is_no_correction(tmp_path: Path, listed: str, given: str) -> None:
    cells = [listed, "0659", "7"]
    file = HEADER + f'"{given}",0659,7,2,{row_fingerprint(COLUMNS, cells)},x\n'
    text = f'ref,phone,amount\n"{listed}",0659,7\n'
    [(_, found)] = corrected_rows(tmp_path, file, {2: cells}, text, states={2: RowState.IN_FLIGHT})
    assert found[1:] == cells[1:]


LONG = "ref,phone,amount\nB,0659,5,50\n"


def test_a_row_with_cells_beyond_the_header_stays_refused_until_it_is_corrected(tmp_path: Path) -> None:
    known = {2: ["B", "0659", "5", "50"]}
    file = HEADER + f"B,0659,5,2,{row_fingerprint(COLUMNS, known[2][:3])},Not sent.\n"
    assert corrected_rows(tmp_path, file, known, LONG) == list(known.items())
    assert corrected_rows(tmp_path, file.replace(",5,2", ",5.50,2"), known, LONG) == [(2, ["B", "0659", "5.50"])]


def test_a_value_is_corrected_back_to_that_of_the_list_without_its_reason(tmp_path: Path) -> None:
    after = ["B", "0660", "7"]
    note = note_of(COLUMNS, KNOWN[3], after)
    kept = KeptCorrection(id=1, line=3, columns=COLUMNS, before=tuple(KNOWN[3]), after=tuple(after), note=note)
    known = {**KNOWN, 3: after}
    for fingerprint, expected in ((row_fingerprint(COLUMNS, after), KNOWN[3]), (B, after)):
        file = f"ref,phone,amount,list_line,list_fingerprint\nB,0659,7,3,{fingerprint}\n"
        assert corrected_rows(tmp_path, file, known, kept=[kept])[1] == (3, expected)
