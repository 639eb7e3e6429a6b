"""The results as an Excel workbook: all rows, the summary, every refusal; writes the given path and beside it.

Rows stream, and no cell is ever a formula or a link, whatever its text.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Final

from xlsxwriter import Workbook  # type: ignore[import-untyped]

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary, Tally
from bulk_topup.errors import ReportError
from bulk_topup.report.cells import list_cells, result_values, xlsx_text
from bulk_topup.report.columns import AMOUNT_FIELDS, COUNT_FIELDS, RESULT_FIELDS, result_columns
from bulk_topup.report.formats.interface import Sink
from bulk_topup.report.formats.xlsx_esims import EsimSheet
from bulk_topup.report.formats.xlsx_sheets import SHEET_COLUMNS, SHEET_ROWS, Column, Pages, Styles
from bulk_topup.report.formats.xlsx_summary import write_summary
from bulk_topup.report.formats.xlsx_workbook import streamed_workbook

_STATE: Final = RESULT_FIELDS.index("state")
_NUMERIC: Final = frozenset((*AMOUNT_FIELDS, *COUNT_FIELDS))

#: Widths of columns, in characters; other columns get their width from the heading.
_NARROWEST, _WIDEST = 12, 40
_WIDTHS: Final = {"reason": 60, "note": 40, "external_id": 36, "status": 40, "created": 28, "final": 28}


@contextmanager
def xlsx_results(
    path: Path, run: Run, tally: Tally, /, *, reveal_pins: bool, sheet_rows: int = SHEET_ROWS
) -> Iterator[Sink]:
    """Yield a sink that writes every row to the sheet "Results" and each problem of a refused row to "Refused".

    At the end the sheet "Summary" is filled from the tally. A full sheet is continued on another one.

    Args:
        path: the workbook; its folder holds the temporary files.
        run: the run that the rows belong to.
        tally: counts and totals, complete when the context ends.
        reveal_pins: whether PIN codes and serials are shown instead of the mask.
        sheet_rows: most rows of a sheet, with its header.

    Raises:
        ReportError: the list has more columns than a sheet.
        OSError: the workbook cannot be written.
    """
    limit = SHEET_COLUMNS - len(RESULT_FIELDS)
    if len(run.columns) > limit:
        raise ReportError(
            f"The list has {len(run.columns):,} columns, more than the {limit:,} that fit a sheet beside the results. "
            "Write the report as csv or jsonl."
        )
    with streamed_workbook(path) as workbook:
        book = _Book(workbook, run, reveal_pins=reveal_pins, sheet_rows=sheet_rows)
        yield book.add
        book.finish(tally.summary())


class _Book:
    """The workbook's sheets, and which row goes to which."""

    def __init__(self, workbook: Workbook, run: Run, *, reveal_pins: bool, sheet_rows: int) -> None:
        self._run = run
        self._reveal_pins = reveal_pins
        self._styles = Styles(workbook)
        self._list_columns = [Column(name=name, width=_width(name)) for name in run.columns]
        self._results = Pages(
            workbook, "Results", [*self._list_columns, *_result_columns(run)], self._styles, sheet_rows=sheet_rows
        )
        self._summary = workbook.add_worksheet("Summary")
        refused = [Column(name="Line", width=_NARROWEST, numeric=True), Column(name="Column", width=24)]
        refused += [Column(name="Problem", width=80), *self._list_columns]
        self._refused = Pages(workbook, "Refused", refused, self._styles, sheet_rows=sheet_rows)
        self._esims = EsimSheet(workbook, self._styles)
        workbook.set_properties(
            {"title": xlsx_text(f"Results of {run.name}"), "created": run.created_at.astimezone(UTC)}
        )

    def add(self, outcomes: Outcomes) -> None:
        """Write the rows, and the problems of refused ones; revealed eSIMs also with their QR codes."""
        if self._reveal_pins:
            self._esims.add(outcomes)
        columns = len(self._list_columns)
        values = result_values(outcomes, self._run, columns, reveal_pins=self._reveal_pins)
        texts = [["" if value is None else str(value) for value in column] for column in values]
        for index, (cells, row) in enumerate(zip(list_cells(outcomes, columns), zip(*texts, strict=True), strict=True)):
            state = RowState(outcomes.state[index])
            self._results.write((*cells, *row), (columns + _STATE, state))
            if state is RowState.REFUSED:
                problems = outcomes.problems[index] or (Problem(column="", message=outcomes.message[index]),)
                for problem in problems:
                    self._refused.write((str(outcomes.line[index]), problem.column, problem.message, *cells))

    def finish(self, summary: Summary) -> None:
        """Set the filters and fill the summary."""
        self._results.finish()
        self._refused.finish()
        write_summary(self._summary, self._run, summary, self._styles)


def _width(name: str) -> int:
    return min(max(len(name) + 4, _NARROWEST), _WIDEST)


def _result_columns(run: Run) -> Iterator[Column]:
    for field, name in zip(RESULT_FIELDS, result_columns(run.columns), strict=True):
        yield Column(name=name, width=_WIDTHS.get(field, _width(name)), numeric=field in _NUMERIC)
