"""The results as CSV, and the not-completed rows as a list that can be run again; writes the given paths.

Both are UTF-8 with a byte order mark and CRLF line ends, as spreadsheet programs expect, and contain no formulas.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from bulk_topup.domain.corrections import REPORT_COLUMNS, row_fingerprint
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import Tally
from bulk_topup.report.cells import fitted, list_cells, result_values
from bulk_topup.report.columns import FOREIGN_FIELDS, RESULT_FIELDS, result_columns
from bulk_topup.report.formats.interface import Sink
from bulk_topup.report.reasons import why_not_completed
from bulk_topup.security.formulas import csv_column, csv_text

#: Spreadsheet programs read a CSV file as UTF-8 only when it starts with this.
_BYTE_ORDER_MARK: Final = "\ufeff"
_LINE_END: Final = "\r\n"
#: A text with one of these is quoted.
_QUOTED_FOR: Final = (",", '"', "\r", "\n")

#: Indexes of the result fields that need a guard against formulas, as the list's own cells do.
_FOREIGN: Final = frozenset(RESULT_FIELDS.index(field) for field in FOREIGN_FIELDS)


@contextmanager
def csv_results(path: Path, run: Run, _tally: Tally, /, *, reveal_pins: bool) -> Iterator[Sink]:
    """Yield a sink that writes every row to a CSV file: the list's own columns, then the result columns."""
    columns = len(run.columns)

    def write(outcomes: Outcomes) -> None:
        values = result_values(outcomes, run, columns, reveal_pins=reveal_pins)
        texts = [csv_column(cells) for cells in zip(*list_cells(outcomes, columns), strict=True)]
        texts += [
            csv_column(column) if index in _FOREIGN else ["" if value is None else str(value) for value in column]  # type: ignore[arg-type]
            for index, column in enumerate(values)
        ]
        rows = zip(*map(_quoted, texts), strict=True)
        file.write("".join([f"{','.join(row)}{_LINE_END}" for row in rows]))

    with _opened(path) as file:
        csv.writer(file).writerow([*map(csv_text, run.columns), *result_columns(run.columns)])
        yield write


def _quoted(texts: Sequence[str]) -> Sequence[str]:
    """Return a column's texts, quoted where needed as csv.writer does, but without a look at every character."""
    joined = "".join(texts)
    if not any(mark in joined for mark in _QUOTED_FOR):
        return texts
    return [
        '"' + text.replace('"', '""') + '"' if any(mark in text for mark in _QUOTED_FOR) else text for text in texts
    ]


@contextmanager
def not_completed_rows(path: Path, run: Run) -> Iterator[Sink]:
    """Yield a sink that writes the not-completed rows as the list has them, each with its line and its reason.

    Line and fingerprint, by which a correction is matched to its row, and the reason follow the list's own columns. A
    list that has these columns, such as one that this function wrote, gets them filled instead. Rows that left the list
    have no line.
    """
    columns = [*run.columns, *(name for name in REPORT_COLUMNS if name not in run.columns)]
    line, fingerprint, reason = map(columns.index, REPORT_COLUMNS)
    why = why_not_completed(run)

    def rows(outcomes: Outcomes) -> Iterator[list[str]]:
        for index in outcomes.not_completed():
            cells = fitted(outcomes.cells[index], len(run.columns))
            row = csv_column(cells) + [""] * (len(columns) - len(cells))
            row[line] = str(outcomes.line[index]) if outcomes.in_list[index] else ""
            row[fingerprint] = row_fingerprint(run.columns, row[: len(cells)])
            row[reason] = csv_text(why(outcomes.row(index)))
            yield row

    with _opened(path) as file:
        writer = csv.writer(file)
        writer.writerow([*map(csv_text, columns)])
        yield lambda outcomes: writer.writerows(rows(outcomes))


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    # Half a surrogate pair has no UTF-8 form; it is written as its code, so that one bad cell cannot stop a report.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(_BYTE_ORDER_MARK)
        yield file
