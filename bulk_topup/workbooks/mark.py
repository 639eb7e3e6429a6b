"""Marks the wrong cells of a list, in a copy of the user's workbook or in a new one; reads the list, writes one file.

The copy reads as the list does: colours, comments and the sheet of problems change no cell.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from bulk_topup.domain.verdict import format_rows
from bulk_topup.errors import InvalidInputError, ListError
from bulk_topup.intake import ListSource, Table, open_table
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.plan import Plan
from bulk_topup.report.cells import xlsx_text
from bulk_topup.system.files import atomic_write, sha256_of
from bulk_topup.system.temporary_files import temporaries_beside
from bulk_topup.workbooks.list_sheet import MAX_ROWS, write_text
from bulk_topup.workbooks.marked_cells import (
    COLUMN_WIDTH,
    PROBLEM_SHEET,
    MarkedSheet,
    add_problem_sheet,
    hide,
    remove_problem_sheet,
)
from bulk_topup.workbooks.workbook_file import cells_of, find_losses, open_workbook

#: The sheet of a list that was no workbook.
_LIST_SHEET: Final = "List"


class MarkError(InvalidInputError):
    """The marked workbook cannot be written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkResult:
    """What was written."""

    file: Path
    #: Coloured cells.
    cells: int
    #: Why the file is a new workbook with the list's cells alone, and not a copy of the list's own; empty if it is.
    why_new: str
    #: Whether there are formulas, whose values a spreadsheet program must compute before the file can be planned.
    has_formulas: bool


def check_marked_file(target: Path, list_path: Path, *, force: bool) -> None:
    """Raise MarkError unless a marked workbook may be written to a file.

    Args:
        target: the file.
        list_path: the list, which is never replaced.
        force: replace another file that exists.
    """
    suffix = ".xlsm" if list_path.suffix.lower() == ".xlsm" else ".xlsx"
    if target.suffix.lower() != suffix:
        raise MarkError(f"{target} must end in {suffix}. Choose another --marked.")
    if target.exists():
        if list_path.exists() and target.samefile(list_path):
            raise MarkError(f"{target} is the list itself, which stays as it is. Choose another file with --marked.")
        if not force:
            raise MarkError(f"{target} already exists. Choose another file with --marked, or add --force.")


def mark_list(source: ListSource, plan: Plan, target: Path, *, digest: str) -> MarkResult:
    """Write a workbook with the list, its wrong cells coloured with a comment, and a sheet of problems by kind.

    Args:
        source: the list and how it is opened.
        plan: its plan.
        target: the file to write, readable only by its owner; replaced if it exists.
        digest: SHA-256 of the list before it was planned.

    Raises:
        ListError: the list cannot be read.
        MarkError: the list changed meanwhile, has too many rows, or the file cannot be written.
    """
    table = open_table(source)
    try:
        if sha256_of(source.path) != digest:
            raise MarkError(f"{source.path} changed while being read. Run again once it is complete.")
        why_new = "it is not an XLSX workbook"
        if isinstance(table, XlsxTable):
            try:
                return _mark_own(source, table, plan, target)
            except (ListError, _LossError) as error:
                why_new = str(error).rstrip(".")
        return _mark_new(source, table, plan, target, why_new)
    except OSError as error:
        raise MarkError(
            f"Can't write {target}: {error.strerror or error}. Choose another file with --marked."
        ) from error


class _LossError(Exception):
    """A copy of the workbook would lack parts of it."""


def _mark_own(source: ListSource, table: XlsxTable, plan: Plan, target: Path) -> MarkResult:
    """Write a copy of the list's own workbook.

    Raises:
        ListError: openpyxl cannot hold it.
        _LossError: the copy would lack parts of it.
    """
    if table.sheet_name == PROBLEM_SHEET:
        raise _LossError("its list is on the sheet of problems")
    with open_workbook(source.path) as (workbook, warnings, _):
        remove_problem_sheet(workbook)
        sheet = MarkedSheet(workbook[table.sheet_name], table, table.first_column)
        cells = sheet.mark(plan)
        add_problem_sheet(workbook, plan)
        with atomic_write(target.resolve()) as temporary:
            with temporaries_beside(temporary):
                workbook.save(temporary)
            if losses := [*warnings, *find_losses(source.path, temporary)]:
                raise _LossError(f"a copy would lose or change parts of it: {'; '.join(losses)}")
            formulas = {
                (cell.row, cell.column - 1 - table.first_column)
                for cell in cells_of(workbook[table.sheet_name])
                if cell.data_type == "f"
            }
            if not _reads_as(table, XlsxTable(replace(source, path=temporary)), formulas):
                raise _LossError("a copy would not read as it does")
    return MarkResult(file=target, cells=cells, why_new="", has_formulas=bool(formulas))


def _mark_new(source: ListSource, table: Table, plan: Plan, target: Path, why_new: str) -> MarkResult:
    """Write a new workbook with the cells of the list as texts, each on its row, so that no number changes."""
    workbook = Workbook()
    [sheet] = workbook.worksheets
    sheet.title = table.sheet_name if isinstance(table, XlsxTable) else _LIST_SHEET
    for line, texts in chain([(table.header_line, table.header)], table.rows()):
        if line > MAX_ROWS:
            raise MarkError(
                f"{source.path.name} has more than {format_rows(MAX_ROWS)}, too many to mark. "
                "Use plan.json, which has every problem."
            )
        for column, text in enumerate(texts, start=1):
            if text:
                write_text(sheet.cell(line, column), text)
    for column in range(1, len(table.header) + 1):
        sheet.column_dimensions[get_column_letter(column)].width = COLUMN_WIDTH
    if isinstance(table, XlsxTable):
        hide(sheet, table.unseen, table.hidden_columns)
    cells = MarkedSheet(sheet, table, 0).mark(plan)
    add_problem_sheet(workbook, plan)
    with atomic_write(target.resolve()) as temporary:
        with temporaries_beside(temporary):
            workbook.save(temporary)
        copied = replace(source, path=temporary, encoding=None, delimiter=None)
        if not _reads_as(table, XlsxTable(copied), frozenset()):
            raise MarkError(f"A workbook can't hold the cells of {source.path.name} as they are. Use plan.json.")
    return MarkResult(file=target, cells=cells, why_new=why_new, has_formulas=False)


def _reads_as(table: Table, copy: XlsxTable, formulas: Collection[tuple[int, int]]) -> bool:
    """Return True if a copy has the rows of a list on their lines, and hides the same; formulas have no values yet."""
    hides = (table.unseen, table.hidden_columns) if isinstance(table, XlsxTable) else ({}, ())
    listed, copied = ([_trimmed(each.header), *_filled_rows(each, formulas)] for each in (table, copy))
    return (table.header_line, *hides) == (copy.header_line, copy.unseen, copy.hidden_columns) and listed == copied


def _filled_rows(table: Table, formulas: Collection[tuple[int, int]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    for line, cells in table.rows():
        texts = _trimmed(["" if (line, index) in formulas else cell for index, cell in enumerate(cells)])
        if texts:
            yield line, texts


def _trimmed(cells: Sequence[str]) -> tuple[str, ...]:
    """Return cells as a sheet holds them, without empty ones at the end."""
    texts = [xlsx_text(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)
