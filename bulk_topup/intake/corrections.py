"""Corrections: rows of a not-completed file that replace rows of their list; reads that file."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.domain.corrections import REPORT_COLUMNS, KeptCorrection, column_positions, row_fingerprint, unspaced
from bulk_topup.domain.problems import FINGERPRINT_COLUMN, LINE_COLUMN, REASON_COLUMN, position
from bulk_topup.domain.verdict import format_rows
from bulk_topup.errors import ListError
from bulk_topup.intake import ListSource, open_table

#: Most corrections in a file.
MAX_CORRECTIONS: Final = 200_000
#: Most digits of a line of a list.
MAX_DIGITS: Final = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrections:
    """Corrected rows by their line of the list."""

    #: The file's name, for messages.
    name: str
    #: Those of the list at the time of the report, and the report's own.
    columns: tuple[str, ...]
    #: By line of the list: the correction's line in the file, and its cells.
    rows: Mapping[int, tuple[int, Sequence[str]]]


def read_corrections(path: Path) -> Corrections:
    """Read a not-completed file of a report after its rows were corrected.

    Args:
        path: the file, CSV or XLSX.

    Raises:
        ListError: it cannot be read, or lacks the lines that it corrects.
    """
    name = path.name
    table = open_table(ListSource(path=path))
    header = [cell.strip() for cell in table.header]
    if LINE_COLUMN not in header:
        raise ListError(
            f'{name} has no column "{LINE_COLUMN}" with the line of the list that each row corrects. '
            "Correct the not-completed file in the report folder."
        )
    if FINGERPRINT_COLUMN not in header:
        raise ListError(
            f'{name} has no column "{FINGERPRINT_COLUMN}", which says whose row each one is if the list was reordered. '
            "Write the file again with `bulk-topup report`, and correct it there."
        )
    line_index, fingerprint_index = header.index(LINE_COLUMN), header.index(FINGERPRINT_COLUMN)
    rows: dict[int, tuple[int, Sequence[str]]] = {}
    for line, cells in table.rows():
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            raise ListError(f"{position(name, line)}: the row has {len(cells)} cells, but the header {len(header)}.")
        cells += [""] * (len(header) - len(cells))
        text = cells[line_index].strip()
        if not text and cells[fingerprint_index].strip() == row_fingerprint(header, cells):
            continue  # it left the list, and stays as it is
        if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
            raise ListError(
                f'{position(name, line)}, column "{LINE_COLUMN}": "{text[:MAX_DIGITS]}" is not a line of the list. '
                "Restore what the report wrote. Add new rows to the list itself."
            )
        if (first := rows.get(int(text))) is not None:
            raise ListError(
                f"{position(name, line)}: line {first[0]} also corrects line {text} of the list. Remove one."
            )
        if len(rows) == MAX_CORRECTIONS:
            raise ListError(f"{name} has more than {format_rows(MAX_CORRECTIONS)}. Correct the list itself.")
        rows[int(text)] = (line, cells)
    return Corrections(name=name, columns=tuple(header), rows=rows)


class FittedCorrections:
    """The corrected rows of a file, in the columns of the list."""

    def __init__(
        self, corrections: Corrections, header: Sequence[str], name: str, kept: Sequence[KeptCorrection]
    ) -> None:
        self._corrections = corrections
        self._name = name
        self._columns = tuple(cell.strip() for cell in header)
        own = [column not in {"", *REPORT_COLUMNS} for column in self._columns]
        missing = [
            column
            for column, is_own in zip(self._columns, own, strict=True)
            if is_own and column not in corrections.columns
        ]
        if missing:
            raise ListError(
                f'{corrections.name} has no column "{missing[0]}", but {name} has. '
                "Keep the columns as the report wrote them."
            )
        #: Where each column is in the file; None for those without a name and those that the report fills in.
        self._indexes = [
            corrections.columns.index(column) if is_own else None
            for column, is_own in zip(self._columns, own, strict=True)
        ]
        self._fingerprint_index = corrections.columns.index(FINGERPRINT_COLUMN)
        #: Fingerprints of rows as corrections left them: those that the rows had before, and the lines given for them.
        self._before: dict[str, set[str]] = defaultdict(set)
        self._lines: dict[str, set[int]] = defaultdict(set)
        #: The same by fingerprints of rows before and after a correction: those after it.
        self._after: dict[str, set[str]] = defaultdict(set)
        for each in kept:
            before, after = self._fingerprint_of(each, each.before), self._fingerprint_of(each, each.after)
            self._before[after].add(before)
            self._lines[after].add(each.line)
            for fingerprint in (before, after):
                self._after[fingerprint].add(after)

    def __contains__(self, line: int) -> bool:
        return line in self._corrections.rows

    def position(self, line: int) -> str:
        """Return where in the file a line of the list is corrected, for messages."""
        return position(self._corrections.name, self._corrections.rows[line][0])

    def reason(self, line: int) -> str:
        """Return the reason that the report wrote beside a line of the list; empty if the file has none."""
        columns = self._corrections.columns
        return self._corrections.rows[line][1][columns.index(REASON_COLUMN)] if REASON_COLUMN in columns else ""

    def correct(self, line: int, listed: list[str], current: list[str], kept: KeptCorrection | None) -> list[str]:
        """Return the cells of a line of the list as they are corrected.

        A row that nobody edited changes nothing, whatever the list has on its line by now. Neither does one that was
        written before the present correction, and that has values which were replaced by it: an old one that is given
        again.

        Args:
            line: the line.
            listed: its cells in the list.
            current: its cells in the run.
            kept: the correction that the run keeps for it; None without one.
        """
        is_present = kept is not None and self._fingerprint(line) == row_fingerprint(self._columns, current)
        if self._is_unedited(line) or (not is_present and (self._has(line, listed) or self._was_given(line))):
            return current
        result = []
        for given, was, is_ in zip(self._cells(line), listed, current, strict=True):
            if given is None or unspaced(given) == unspaced(is_):
                result.append(is_)
            elif unspaced(given) == unspaced(was):
                result.append(was if is_present else is_)
            else:
                result.append(given)
        return result

    def check_all_found(self, lines: Collection[int]) -> None:
        """Raise ListError if the list lacks a line that is corrected, and was not corrected so before."""
        missing = [
            line
            for line in self._corrections.rows
            if line not in lines and not self._is_unedited(line) and not self._was_given(line)
        ]
        if missing:
            raise ListError(
                f"{self._corrections.name} corrects {format_rows(len(missing))} that {self._name} does not have. "
                "The list changed since. Correct the list itself."
            )

    def _fingerprint_of(self, kept: KeptCorrection, cells: Sequence[str]) -> str:
        """Return the fingerprint of a row with the cells of a kept correction, in the columns of the list."""
        positions = column_positions(self._columns, kept.columns)
        return row_fingerprint(self._columns, ["" if index is None else cells[index] for index in positions])

    def is_of(self, line: int, current: Sequence[str], kept: KeptCorrection | None) -> bool:
        """Return True if the file's row for a line was written for the row that the list has there.

        Args:
            line: the line.
            current: its cells in the run; those from before a correction of it count as well.
            kept: the correction that the run keeps for it; None without one.
        """
        versions = {row_fingerprint(self._columns, current)}
        after = versions if kept is None else {*versions, self._fingerprint_of(kept, kept.after)}
        return self._fingerprint(line) in versions.union(*(self._before.get(each, ()) for each in after))

    def _is_unedited(self, line: int) -> bool:
        return self._fingerprint(line) == self._given_fingerprint(line)

    def _fingerprint(self, line: int) -> str:
        return self._corrections.rows[line][1][self._fingerprint_index].strip()

    def _given_fingerprint(self, line: int) -> str:
        return row_fingerprint(self._columns, [cell or "" for cell in self._cells(line)])

    def _cells(self, line: int) -> list[str | None]:
        cells = self._corrections.rows[line][1]
        return [None if index is None else cells[index] for index in self._indexes]

    def _was_given(self, line: int) -> bool:
        """Return True if the file has for a line what a correction of it replaced, or what it was corrected to."""
        return any(line in self._lines[after] for after in self._after.get(self._given_fingerprint(line), ()))

    def _has(self, line: int, cells: Sequence[str]) -> bool:
        return all(
            given is None or unspaced(given) == unspaced(cell)
            for given, cell in zip(self._cells(line), cells, strict=True)
        )
