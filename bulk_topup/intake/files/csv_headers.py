"""The first lines of a CSV file as headers that it may have, whatever their delimiter is; pure."""

import csv
from collections.abc import Iterable, Iterator

from bulk_topup.intake.files.batches import Row
from bulk_topup.intake.files.source import DELIMITERS


def possible_headers(lines: Iterable[str], delimiter: str | None) -> Iterator[Row]:
    """Yield lines of a CSV file, each split at every delimiter that it has.

    Args:
        lines: the file's first physical lines; names with line breaks are not found.
        delimiter: the file's delimiter, if it is known.
    """
    for number, line in enumerate(lines, start=1):
        present = [each for each in DELIMITERS if each in line]
        for each in [delimiter] if delimiter is not None else present or DELIMITERS[:1]:
            yield number, split_line(line, each)


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, whatever its quotes are."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:  # longer than any header
        return [line]
