"""Rows that did not complete, corrected and laid over the list that they came from; reads the file with them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.domain.problems import DO_NOT_PAY, LINE_COLUMN, REASON_COLUMN
from bulk_topup.errors import ListError
from bulk_topup.intake import ListSource, Table, open_table
from bulk_topup.security.formulas import csv_text

#: Corrected rows that one file may have.
MAX_CORRECTIONS: Final = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrections:
    """Corrected rows by the line of the list that they stand for."""

    #: The file's name, for messages.
    name: str
    columns: tuple[str, ...]
    #: Where each row stands in the file, and its cells.
    rows: Mapping[int, tuple[int, Sequence[str]]]


def read_corrections(path: Path) -> Corrections:
    """Read a file of rows that did not complete, as a report wrote it and a person corrected it.

    Args:
        path: the file, CSV or XLSX.

    Raises:
        ListError: it cannot be read, or does not say which lines it corrects.
    """
    name = path.name
    table = open_table(ListSource(path=path))
    header = [cell.strip() for cell in table.header]
    if LINE_COLUMN not in header:
        raise ListError(
            f'{name} has no column "{LINE_COLUMN}", which says which row of the list each row corrects; '
            "correct the file of rows that did not complete which the report wrote."
        )
    place = header.index(LINE_COLUMN)
    rows: dict[int, tuple[int, Sequence[str]]] = {}
    for line, cells in table.rows():
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            raise ListError(f"{name} line {line}: the row has {len(cells)} cells and the header {len(header)}.")
        cells += [""] * (len(header) - len(cells))
        text = cells[place].strip()
        if not text.isascii() or not text.isdigit():
            raise ListError(
                f'{name} line {line}, column "{LINE_COLUMN}": "{text}" is not a line of the list; put back what the '
                "report wrote there. A row that the list does not have yet belongs into the list itself."
            )
        if (first := rows.get(int(text))) is not None:
            raise ListError(f"{name} line {line}: line {first[0]} corrects line {text} of the list too; remove one.")
        if len(rows) == MAX_CORRECTIONS:
            raise ListError(f"{name} has more than {MAX_CORRECTIONS} rows; correct the list itself.")
        rows[int(text)] = (line, cells)
    return Corrections(name=name, columns=tuple(header), rows=rows)


class CorrectedTable:
    """A list as if the corrected cells stood in it.

    Args:
        table: the list.
        name: its name, for messages.
        corrections: the corrected rows.
        known: the cells of those lines as the run knows them, by line.
        sent: those of the lines whose rows were sent and are not known to have failed.
    """

    def __init__(
        self,
        table: Table,
        name: str,
        corrections: Corrections,
        known: Mapping[int, list[str]],
        sent: Collection[int] = (),
    ) -> None:
        #: The list's own.
        self.header_line, self.header = table.header_line, table.header
        self._table = table
        self._name = name
        self._corrections = corrections
        self._known = known
        self._sent = sent
        columns = [cell.strip() for cell in table.header]
        missing = [column for column in columns if column and column not in corrections.columns]
        if missing:
            raise ListError(
                f'{corrections.name} has no column "{missing[0]}", which {name} has; '
                "leave the columns as the report wrote them."
            )
        self._places = [corrections.columns.index(column) if column else None for column in columns]
        self._reason = corrections.columns.index(REASON_COLUMN) if REASON_COLUMN in corrections.columns else None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give each row of the list, the corrected ones as they are corrected.

        Raises:
            ListError: the list is not what was corrected any more, or a row may be paid already.
        """
        met = 0
        for line, cells in self._table.rows():
            correction = self._corrections.rows.get(line)
            if correction is None:
                yield line, cells
            else:
                met += 1
                yield line, self._corrected(line, cells, *correction)
        missing = len(self._corrections.rows) - met
        if missing:
            raise ListError(
                f"{self._corrections.name} corrects {missing} rows on lines that {self._name} does not have; "
                "the list was changed since. Correct the list itself."
            )

    def _corrected(self, line: int, cells: list[str], place: int, corrected: Sequence[str]) -> list[str]:
        width = len(self._places)
        listed = [*cells, *[""] * (width - len(cells))][:width]
        result = [
            cell if at is None or corrected[at] in {cell, csv_text(cell)} else corrected[at]
            for cell, at in zip(listed, self._places, strict=True)
        ]
        # The run knows the row as the list has it, or as this file corrected it at an earlier start.
        if self._known.get(line) not in (listed, result):
            raise ListError(
                f"{self._corrections.name} line {place} corrects line {line} of {self._name}, which is not the row "
                "any more that the run knows; the list was changed since. Correct the list itself."
            )
        if line in self._sent and result != self._known[line]:
            # The file is older than that: corrected in its number, the row would be somebody else, and paid beside it.
            raise ListError(
                f"{self._corrections.name} line {place} corrects line {line} of {self._name}, which was sent since and "
                "may be paid; put the row back as it was, or remove it from the file."
            )
        reason = "" if self._reason is None else corrected[self._reason]
        if reason.startswith(DO_NOT_PAY) and result != listed:
            raise ListError(
                f"{self._corrections.name} line {place}: the row may be paid already, its reason says why; "
                "put it back as it was, or remove it from the file."
            )
        return result
