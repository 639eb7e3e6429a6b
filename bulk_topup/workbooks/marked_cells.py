"""Wrong cells of a list in openpyxl: colours, comments, and the sheet of problems by kind; touches no file."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.domain.problem_groups import group_key
from bulk_topup.domain.problems import Problem, is_left_out
from bulk_topup.domain.unseen_rows import Unseen
from bulk_topup.intake import Table
from bulk_topup.intake.cells.texts import strip
from bulk_topup.intake.files.xlsx_sheet import HELP_SHEET
from bulk_topup.plan import Plan, RefusedRow
from bulk_topup.report.cells import xlsx_text
from bulk_topup.workbooks.list_sheet import write_text
from bulk_topup.workbooks.workbook_file import cells_of

#: Its prefix tells that it is not the list: no reading of the workbook ever takes it for one.
PROBLEM_SHEET: Final = f"{HELP_SHEET}problems"
#: Most comments: spreadsheet programs draw each as a shape. Further cells are only coloured.
MAX_COMMENTS: Final = 5_000
#: Most lines of the sheet of problems.
MAX_PROBLEMS: Final = 200_000
#: Most characters that a comment says of problems, after what the user wrote.
MAX_COMMENT: Final = 1_000
#: Width of the columns of a new sheet, in characters.
COLUMN_WIDTH: Final = 18

#: Starts what a comment says of a problem.
_START: Final = "bulk-topup: "
#: Where that starts: an empty line is between it and anything that the user wrote.
_OURS: Final = re.compile(rf"(?:\A|\r?\n\r?\n){_START}")
#: Most characters of a comment in spreadsheet programs.
_MAX_TEXT: Final = 32_767
#: None of the colours that spreadsheet programs offer for bad cells, which may be the user's own.
_COLOUR: Final = "FFFFC8CF"
_FILL: Final = PatternFill("solid", start_color=_COLOUR)
_COMMENT_SIZE: Final = {"width": 320, "height": 120}
_HEADINGS: Final = (("Kind", 26), ("Row", 10), ("Column", 22), ("Problem", 90), ("Write instead", 22))


class MarkedSheet:
    """The list's sheet.

    Args:
        sheet: the sheet in openpyxl; what an earlier plan marked in it is removed.
        table: the list.
        first_column: the index of the list's first column in the sheet.
    """

    def __init__(self, sheet: Worksheet, table: Table, first_column: int) -> None:
        self._sheet = sheet
        self._header_line = table.header_line
        names = [strip(cell) for cell in table.header]
        self._columns = {name: first_column + names.index(name) + 1 for name in names if name}
        self._first = min(self._columns.values())
        self._comments = 0
        for cell in cells_of(sheet):
            _unmark(cell)

    def mark(self, plan: Plan) -> int:
        """Colour the wrong cells, and return their number; what is wrong with every row marks the header."""
        problems: dict[tuple[int, int], list[Problem]] = defaultdict(list)
        whole = {group.key for group in plan.problem_groups() if group.is_whole_list}
        for row in _rows_to_fix(plan):
            for problem in row.problems:
                is_whole = group_key(problem) in whole
                place = self._header_line if is_whole else row.line, self._columns.get(problem.column, self._first)
                if not is_whole or problem not in problems[place]:
                    problems[place].append(problem)
        for (line, column), found in problems.items():
            self._mark(self._sheet.cell(line, column), found)
        return len(problems)

    def _mark(self, cell: Any, problems: Sequence[Problem]) -> None:  # noqa: ANN401 - or one that is merged
        cell.fill = _FILL
        if self._comments == MAX_COMMENTS or isinstance(cell, MergedCell):
            return  # a cell that is merged into another has no comment
        text = "\n".join(
            problem.message if problem.instead is None else f"{problem.message} Write: {problem.instead}"
            for problem in problems
        )
        own = "" if cell.comment is None else f"{cell.comment.text}\n\n"
        if len(own) + MAX_COMMENT > _MAX_TEXT:
            return  # what the user wrote stays whole
        self._comments += 1
        author = "bulk-topup" if cell.comment is None else cell.comment.author
        cell.comment = Comment(own + xlsx_text(f"{_START}{text}"[:MAX_COMMENT]), author, **_COMMENT_SIZE)


def _unmark(cell: Any) -> None:  # noqa: ANN401 - or one that is merged
    """Remove what an earlier plan marked; the user's own comment stays."""
    comment = getattr(cell, "comment", None)
    if comment is not None and (found := list(_OURS.finditer(comment.text))):
        own = comment.text[: found[-1].start()]
        cell.comment = Comment(own, comment.author) if own else None
    if cell.fill.fill_type == _FILL.fill_type and cell.fill.start_color.rgb == _COLOUR:
        cell.fill = PatternFill()


def hide(sheet: Worksheet, rows: Mapping[int, Unseen], columns: Collection[int]) -> None:
    """Hide or strike through what the list's own workbook does, so that the same rows wait for a decision.

    Args:
        sheet: a sheet with the list's cells from its first column on.
        rows: why a person does not see rows, by line.
        columns: the indexes of hidden columns.
    """
    for line, why in rows.items():
        if why is Unseen.HIDDEN:
            sheet.row_dimensions[line].hidden = True
        else:
            for cell in sheet[line]:
                cell.font = Font(strike=True)
    for index in columns:
        sheet.column_dimensions[get_column_letter(index + 1)].hidden = True


def remove_problem_sheet(workbook: Workbook) -> None:
    """Remove the sheet that an earlier plan added."""
    if PROBLEM_SHEET in workbook.sheetnames:
        workbook.remove(workbook[PROBLEM_SHEET])


def add_problem_sheet(workbook: Workbook, plan: Plan) -> None:
    """Add the sheet of problems by kind at the end, texts only."""
    sheet = workbook.create_sheet(PROBLEM_SHEET)
    for column, (heading, width) in enumerate(_HEADINGS, start=1):
        cell = sheet.cell(1, column)
        write_text(cell, heading)
        cell.font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = width
    number = 1
    for number, (kind, line, *texts) in enumerate(_problem_rows(plan), start=2):
        if number > MAX_PROBLEMS:
            write_text(sheet.cell(number, 1), "… and more: plan.json has every problem")
            break
        write_text(sheet.cell(number, 1), kind)
        if isinstance(line, int):
            sheet.cell(number, 2).value = line
        else:
            write_text(sheet.cell(number, 2), line)
        for column, text in enumerate(texts, start=3):
            if text:
                write_text(sheet.cell(number, column), text)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(_HEADINGS))}{number}"


def _rows_to_fix(plan: Plan) -> Iterator[RefusedRow]:
    """Yield the refused rows, without those that are left out as duplicates."""
    return (row for row in plan.refused_rows if not is_left_out(row.problems))


def _problem_rows(plan: Plan) -> Iterator[tuple[str, int | str, str, str, str]]:
    """Yield kind, row, column, message and what to write instead: those of most rows first, each cause of all once."""
    groups = {group.key: group for group in plan.problem_groups()}
    rows: dict[tuple[str, str, str], list[tuple[int, Problem]]] = defaultdict(list)
    for row in _rows_to_fix(plan):
        for problem in row.problems:
            rows[group_key(problem)].append((row.line, problem))
    for key, group in groups.items():
        if group.is_whole_list:
            yield group.kind.words, f"all {group.rows:,}", group.column, group.message, ""
            continue
        for line, problem in rows[key]:
            yield group.kind.words, line, group.column, problem.message, problem.instead or ""
