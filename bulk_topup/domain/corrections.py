"""Define corrections: values of a list's rows that a run uses in place of the list's own; pure."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.problems import FINGERPRINT_COLUMN, LINE_COLUMN, REASON_COLUMN
from bulk_topup.security.formulas import csv_text

#: Start of the note of a corrected row; what else a note says comes before it.
CORRECTED: Final = "Corrected:"
#: Columns of a not-completed file that are not the list's own.
REPORT_COLUMNS: Final = (LINE_COLUMN, FINGERPRINT_COLUMN, REASON_COLUMN)

#: Letters of a fingerprint, for each value of half a byte: no spreadsheet program takes them for a number or a date.
_LETTERS: Final = "bcdfghjkmnpqrtvw"
_FINGERPRINT_BYTES: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """A row of a list as it was, and as a person corrected it."""

    #: The line of the list for which it was given.
    line: int
    #: The columns of the list at that time.
    columns: tuple[str, ...]
    #: The row's cells, one for each column: as the run had them, and as they are instead.
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptCorrection(Correction):
    """A correction that a run keeps."""

    #: Its ID in the ledger.
    id: int
    #: Which values the list has, and which the run has, as `note_of` says it; empty if they are the same again.
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectedRow:
    """A row of the list that has other values in the run."""

    line: int
    #: The ID of the kept correction that applies to it, or that this invocation replaces; None without one.
    kept: int | None
    #: What this invocation corrects; None if the run keeps the row's values already.
    change: Correction | None
    #: The values of the list and of the run, as `note_of` says it.
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UncorrectedRow:
    """A row of the list that has a value which was corrected in an earlier run of its job."""

    line: int
    #: The earlier run.
    run: str
    #: What was corrected there, as `note_of` says it.
    note: str

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {"line": self.line, "run": self.run, "note": self.note}


def changes(columns: Sequence[str], before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the columns whose values differ, with both values."""
    for column, was, is_ in zip(columns, before, after, strict=True):
        if was != is_:
            yield column, was, is_


def note_of(columns: Sequence[str], listed: Sequence[str], after: Sequence[str]) -> str:
    """Return the values of the list and of the run as a sentence; empty if they are the same."""
    parts = [f'"{column}" was "{was}", is "{is_}"' for column, was, is_ in changes(columns, listed, after)]
    return f"{CORRECTED} {'; '.join(parts)}." if parts else ""


def is_mismatch(note: str) -> bool:
    """Return True if a row's note in a report says that the list differs from what was sent, not only a correction."""
    return bool(note) and not note.startswith(CORRECTED)


def row_fingerprint(columns: Sequence[str], cells: Sequence[str]) -> str:
    """Return letters that tell a row of a list from others: the same wherever it is, and in any order of its columns.

    Args:
        columns: the columns of the list, or of a not-completed file of it.
        cells: the row's cells, one for each column, as the list has them or as a report writes them.
    """
    own = sorted(
        (column, unspaced(cell))
        for column, cell in zip(columns, cells, strict=True)
        if column and column not in REPORT_COLUMNS
    )
    digest = hashlib.blake2b(json.dumps(own).encode(), digest_size=_FINGERPRINT_BYTES).hexdigest()
    return "".join(_LETTERS[int(digit, 16)] for digit in digest)


def unspaced(cell: str) -> str:
    """Return a cell without what reports and spreadsheet programs change in it: guard, line ends, blanks around it."""
    text = cell.strip()
    if text[:1] == "'" and csv_text(text[1:]) == text:
        text = text[1:].strip()
    return text.replace("\r\n", "\n").replace("\r", "\n")


def column_positions(columns: tuple[str, ...], header: tuple[str, ...]) -> tuple[int | None, ...]:
    """Return where each of some columns is in a header; None for one that it lacks, or that it has more than once."""
    if columns == header:
        return tuple(range(len(columns)))
    return tuple(
        header.index(column) if column and header.count(column) == columns.count(column) == 1 else None
        for column in columns
    )
