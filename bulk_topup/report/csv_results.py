"""The results as CSV, and the rows that did not complete as a list to start again; writes the paths it is given.

Both are UTF-8 with a byte order mark and CRLF line ends, as spreadsheet programs expect, and hold no formulas.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulk_topup.outcomes import Outcomes
from bulk_topup.problems import LINE_COLUMN, REASON_COLUMN
from bulk_topup.records import Run
from bulk_topup.report.batches import Sink
from bulk_topup.report.cells import csv_column, csv_text, list_cells, result_values
from bulk_topup.report.columns import FOREIGN_FIELDS, RESULT_FIELDS, result_columns
from bulk_topup.report.reasons import why_not_completed
from bulk_topup.states import RowState

#: Spreadsheet programs take a CSV file for UTF-8 only when it begins with this.
_BYTE_ORDER_MARK: Final = "\ufeff"

#: Where the texts stand among the result fields that need a guard against formulas, as the list's own cells do.
_FOREIGN: Final = tuple(RESULT_FIELDS.index(field) for field in FOREIGN_FIELDS)


@contextmanager
def csv_results(path: Path, run: Run, *, reveal_pins: bool) -> Iterator[Sink]:
    """Give a sink that writes every row to a CSV file: the list's own columns, then the result columns."""
    columns = len(run.columns)

    def rows(outcomes: Outcomes) -> Iterable[Sequence[str | int | None]]:
        values = result_values(outcomes, columns, reveal_pins=reveal_pins)
        for place in _FOREIGN:
            values[place] = csv_column(values[place])  # type: ignore[arg-type]
        return zip(*map(csv_column, zip(*list_cells(outcomes, columns), strict=True)), *values, strict=True)

    with _rows(path) as write:
        write([[*map(csv_text, run.columns), *result_columns(run.columns)]])
        yield lambda outcomes: write(rows(outcomes))


@contextmanager
def not_completed_rows(path: Path, run: Run) -> Iterator[Sink]:
    """Give a sink that writes rows which did not complete as the list has them, each with its line and its reason.

    The line of the list, by which a corrected row finds its place again, and the reason follow the list's own columns,
    or stand in columns of their names where the list has such, as one that was made by this function.
    """
    columns = list(run.columns)
    for name in (LINE_COLUMN, REASON_COLUMN):
        if name not in columns:
            columns.append(name)
    line, reason = columns.index(LINE_COLUMN), columns.index(REASON_COLUMN)
    why = why_not_completed(run)

    def rows(outcomes: Outcomes) -> Iterator[list[str | None]]:
        for place, cells in enumerate(list_cells(outcomes, len(run.columns))):
            if outcomes.state[place] != RowState.COMPLETED:
                row = csv_column(cells) + [""] * (len(columns) - len(cells))
                row[line], row[reason] = str(outcomes.line[place]), csv_text(why(outcomes.row(place)))
                yield row

    with _rows(path) as write:
        write([[*map(csv_text, columns)]])
        yield lambda outcomes: write(rows(outcomes))


@contextmanager
def _rows(path: Path) -> Iterator[Callable[[Iterable[Sequence[str | int | None]]], None]]:
    # Half a surrogate pair has no UTF-8 form; it is shown as its code, so that one bad cell cannot stop a report.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(_BYTE_ORDER_MARK)
        yield csv.writer(file).writerows
