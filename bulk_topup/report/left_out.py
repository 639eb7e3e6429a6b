"""The file of rows that a job's filters leave out, beside the report; writes that file."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bulk_topup.domain.problems import LINE_COLUMN
from bulk_topup.errors import ReportError
from bulk_topup.security.formulas import csv_text
from bulk_topup.system.files import atomic_write

#: The file in the report's folder.
LEFT_OUT: Final = "left-out.csv"
#: The column that tells which filter left a row out.
FILTER_COLUMN: Final = "not_paid_unless"


def write_left_out(header: Sequence[str], rows: Iterable[tuple[int, Sequence[str], str]], folder: Path) -> Path:
    """Write every row that the filters leave out, with its line and the filter, so that no line of the list is lost.

    Args:
        header: the names of the list's columns.
        rows: the line, the cells and the unmet filter of each row that is left out.
        folder: the report's, which is there.

    Raises:
        ListError: the list cannot be read to its end.
        ReportError: the file cannot be written.
    """
    file = folder / LEFT_OUT
    try:
        with (
            atomic_write(file) as temporary,
            temporary.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as written,
        ):
            writer = csv.writer(written)
            writer.writerow([LINE_COLUMN, FILTER_COLUMN, *map(csv_text, header)])
            for line, cells, unmet in rows:
                writer.writerow([line, csv_text(unmet), *map(csv_text, cells)])
    except OSError as error:
        raise ReportError(f"{file} cannot be written: {error.strerror}; nothing was sent.") from None
    return file
