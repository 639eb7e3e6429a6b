"""Corrections: applied to their list by line, and only to rows of the report."""

from pathlib import Path

import pytest

from bulk_topup.errors import ListError
from bulk_topup.intake import ListSource, open_table
from bulk_topup.intake.corrections import CorrectedTable, read_corrections

LIST = "ref,phone,amount\nA,+6595123400,5\nB,0659,7\n\nC,=1+1,9\n"
HEADER = "ref,phone,amount,list_line,reason\n"
KNOWN = {2: ["A", "+6595123400", "5"], 3: ["B", "0659", "7"], 5: ["C", "=1+1", "9"]}


def corrected_rows(
    folder: Path, corrections: str, known: dict[int, list[str]] | None = None
) -> list[tuple[int, list[str]]]:
    (folder / "list.csv").write_text(LIST)
    (folder / "rest.csv").write_text(corrections)
    table = open_table(ListSource(path=folder / "list.csv"))
    found = read_corrections(folder / "rest.csv")
    return [row for row in CorrectedTable(table, "list.csv", found, known or KNOWN).rows() if any(row[1])]


def test_corrected_cells_replace_those_of_the_list(tmp_path: Path) -> None:
    rows = corrected_rows(tmp_path, HEADER + "B,+6595123401,7,3,Not paid. It is no number.\n")
    assert rows == [(2, KNOWN[2]), (3, ["B", "+6595123401", "7"]), (5, KNOWN[5])]


def test_the_guard_against_formulas_is_no_correction(tmp_path: Path) -> None:
    assert corrected_rows(tmp_path, HEADER + "A,'+6595123400,5,2,x\nC,'=1+1,9,5,x\n") == list(KNOWN.items())


def test_columns_and_rows_may_be_in_another_order(tmp_path: Path) -> None:
    rows = corrected_rows(tmp_path, "list_line,amount,phone,ref\n5,9,+6595123405,C\n3,8,0659,B\n")
    assert rows == [(2, KNOWN[2]), (3, ["B", "0659", "8"]), (5, ["C", "+6595123405", "9"])]


@pytest.mark.parametrize(
    ("corrections", "expected"),
    [
        ("ref,phone,amount\nB,+6595123401,7\n", 'has no column "list_line"'),
        ("ref,phone,list_line\nB,+6595123401,3\n", 'has no column "amount"'),
        (HEADER + "B,+6595123401,7,three,x\n", 'line 2, column "list_line": "three" is not a line'),
        (HEADER + "B,+6595123401,7,,x\n", "Add new rows to the list itself"),
        (HEADER + "B,1,7,3,x\nB,2,7,3,x\n", "line 3: line 2 also corrects line 3 of the list. Remove one."),
        (HEADER + "B,1,7,3,x,y\n", "line 2: the row has 6 cells, but the header 5"),
        (HEADER + "B,1,7,4,x\n", "line 2 corrects line 4 of list.csv, which changed since"),
        (HEADER + "B,1,7,99,x\n", "corrects 1 row that list.csv does not have. The list changed since"),
        (HEADER + "A,+6595123400,6,2,Do not pay by other means: it is open.\n", "line 2: the row may be paid already"),
    ],
)
def test_a_correction_that_does_not_fit_the_list_is_an_error_with_its_position(
    tmp_path: Path, corrections: str, expected: str
) -> None:
    with pytest.raises(ListError, match=expected):
        corrected_rows(tmp_path, corrections)


def test_a_list_that_changed_since_is_not_corrected(tmp_path: Path) -> None:
    with pytest.raises(
        ListError, match=r"rest\.csv line 2 corrects line 3 of list\.csv, which changed since\. Correct the list itself"
    ):
        corrected_rows(tmp_path, HEADER + "B,+6595123401,7,3,x\n", {**KNOWN, 3: ["C", "=1+1", "9"]})


def test_a_row_that_must_not_be_paid_may_stay_in_the_file_unchanged(tmp_path: Path) -> None:
    rows = corrected_rows(tmp_path, HEADER + "A,'+6595123400,5,2,Do not pay by other means: it is open.\n")
    assert rows == list(KNOWN.items())
