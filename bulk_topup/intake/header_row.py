"""Opens a list whose column names are below titles: finds the one row that has them; reads the list's first rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from bulk_topup.domain.problems import position_word
from bulk_topup.domain.run import LEFT_OUT_VERSION
from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import strip
from bulk_topup.intake.column_mapping import known_fields
from bulk_topup.intake.files.batches import Row
from bulk_topup.intake.files.open_table import Table, open_table
from bulk_topup.intake.files.source import SEARCHED_ROWS, HeaderRowError, ListSource

#: Columns of a header that leave no doubt that it is one; a header of fewer must consist of known names.
_MIN_KNOWN: Final = 2
#: Digits from which a cell above the header may be the number of a person.
_MIN_DIGITS: Final = 7
_NUMBER: Final = re.compile(r"[+(]?[\d\s().+-]+")
_DATE: Final = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(\s.*)?")


def open_headed_table(source: ListSource, mapping: Mapping[str, str], version: int) -> Table:
    """Return a list as a table, with its column names from the one row that can have them.

    Args:
        source: the list and how it is opened; a given header row is not searched for.
        mapping: the list's column for a field; other columns are known by well-known names.
        version: how the list is read, see `READING_VERSION`; earlier ones took the first row.

    Raises:
        ListError: the list cannot be read, or several rows can have the column names.
    """
    if source.header_row is not None or version < LEFT_OUT_VERSION:
        return open_table(source)
    try:
        table = open_table(source)
    except HeaderRowError as error:
        line = find_header(error.rows, None, mapping, source.path.name)
        if line is None:
            raise
    else:
        rows = table.first_rows()
        if known_fields(list(map(strip, table.header)), mapping):
            # Its rows are read as such: names may have line breaks.
            rows = [(table.header_line, table.header), *islice(table.rows(), SEARCHED_ROWS)]
        line = find_header(rows, table.header_line, mapping, source.path.name)
        if line is None or line == table.header_line:
            return table
    return open_table(replace(source, header_row=line))


def find_header(rows: Sequence[Row], first: int | None, mapping: Mapping[str, str], name: str) -> int | None:
    """Return the line of the one row that has column names; None if none has, so that the first one is the header.

    Args:
        rows: the list's first rows with their lines; a line may be there in several forms.
        first: the line of the first row with a cell; None if that cannot be a header.
        mapping: the list's column for a field.
        name: the list's name, for messages.

    Raises:
        ListError: several rows can have the column names, or one above them may be a row to pay.
    """
    best: dict[int, tuple[int, tuple[str, ...]]] = {}
    for line, cells in rows:
        names = tuple(map(strip, cells))
        known = len(known_fields(names, mapping))
        is_header = known >= _MIN_KNOWN or (known > 0 and (known == sum(map(bool, names)) or line == first))
        if is_header and known > best.get(line, (0, ()))[0]:
            best[line] = known, names
    lines = sorted(best)
    if first in best:
        # A header that is repeated among the rows is no other header.
        lines = [
            line for line in lines if line == first or (best[line][0] >= _MIN_KNOWN and _differs(best, line, first))
        ]
    word = position_word(name)
    if len(lines) > 1:
        raise ListError(
            f"{name}: {word}s {' and '.join(map(str, lines))} could each have the column names. "
            f"Choose one: {' or '.join(f'--header-row {line}' for line in lines)}."
        )
    if not lines or lines[0] == first:
        return None
    for line, cells in rows:
        if line < lines[0] and any(map(_may_be_number, cells)):
            raise ListError(
                f"{name} {word} {line} may be a row to pay, but the column names are below it, in {word} {lines[0]}. "
                f"Move or remove the row, or leave out all above with --header-row {lines[0]}."
            )
    return lines[0]


def _differs(best: Mapping[int, tuple[int, tuple[str, ...]]], line: int, first: int | None) -> bool:
    return first is None or best[line][1] != best[first][1]


def _may_be_number(cell: str) -> bool:
    """Return True if a cell has the digits of a mobile number or an account, and is no date."""
    text = strip(cell)
    digits = sum(map(str.isdigit, text))
    return digits >= _MIN_DIGITS and bool(_NUMBER.fullmatch(text)) and not _DATE.fullmatch(text)
