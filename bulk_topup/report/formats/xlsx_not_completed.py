"""The not-completed rows as a workbook that can be corrected, every cell a text; writes the given path and beside it.

A spreadsheet program that opens a CSV file drops zeros in front and shortens long numbers. Here it changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Final

from bulk_topup.domain.corrections import REPORT_COLUMNS, row_fingerprint
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import REASON_COLUMN
from bulk_topup.domain.run import Run
from bulk_topup.report.cells import fitted, xlsx_text
from bulk_topup.report.formats.interface import Sink
from bulk_topup.report.formats.xlsx_sheets import Column, Pages, Styles
from bulk_topup.report.formats.xlsx_workbook import streamed_workbook
from bulk_topup.report.reasons import why_not_completed

_SHEET: Final = "Not completed"
#: Widths of columns, in characters.
_WIDTH, _REASON_WIDTH = 20, 90


@contextmanager
def not_completed_workbook(path: Path, run: Run) -> Iterator[Sink]:
    """Yield a sink that writes the not-completed rows in the columns of the CSV file, see `not_completed_rows`."""
    columns = [*run.columns, *(name for name in REPORT_COLUMNS if name not in run.columns)]
    line, fingerprint, reason = map(columns.index, REPORT_COLUMNS)
    why = why_not_completed(run)
    widths = {REASON_COLUMN: _REASON_WIDTH}
    with streamed_workbook(path) as workbook:
        workbook.set_properties({"created": run.created_at.astimezone(UTC)})  # the same rows are the same bytes
        headings = [Column(name=name, width=widths.get(name, _WIDTH)) for name in columns]
        pages = Pages(workbook, _SHEET, headings, Styles(workbook))

        def write(outcomes: Outcomes) -> None:
            for index in outcomes.not_completed():
                cells = [xlsx_text(cell) for cell in fitted(outcomes.cells[index], len(run.columns))]
                row = cells + [""] * (len(columns) - len(cells))
                row[line] = str(outcomes.line[index]) if outcomes.in_list[index] else ""
                row[fingerprint] = row_fingerprint(run.columns, row[: len(cells)])
                row[reason] = why(outcomes.row(index))
                pages.write(row)

        yield write
        pages.finish()
