"""Corrections: rows of a not-completed file that replace rows of their list; reads the file with them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.domain.problems import DO_NOT_PAY, LINE_COLUMN, REASON_COLUMN, position
from bulk_topup.domain.verdict import format_rows
from bulk_topup.errors import ListError
from bulk_topup.intake import ListSource, Table, open_table
from bulk_topup.security.formulas import csv_text

#: Most corrections in a file.
MAX_CORRECTIONS: Final = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrections:
    """Corrected rows by their line of the list."""

    #: The file's name, for messages.
    name: str
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
    line_index = header.index(LINE_COLUMN)
    rows: dict[int, tuple[int, Sequence[str]]] = {}
    for line, cells in table.rows():
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            raise ListError(f"{position(name, line)}: the row has {len(cells)} cells, but the header {len(header)}.")
        cells += [""] * (len(header) - len(cells))
        text = cells[line_index].strip()
        if not text.isascii() or not text.isdigit():
            raise ListError(
                f'{position(name, line)}, column "{LINE_COLUMN}": "{text}" is not a line of the list. '
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


class CorrectedTable:
    """A list with corrections applied.

    Args:
        table: the list.
        name: its name, for messages.
        corrections: the corrected rows.
        known: the cells of those lines in the ledger, by line.
        sent: the lines among them whose rows were sent and have not failed.
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
                f'{corrections.name} has no column "{missing[0]}", but {name} has. '
                "Keep the columns as the report wrote them."
            )
        self._indexes = [corrections.columns.index(column) if column else None for column in columns]
        self._reason_index = corrections.columns.index(REASON_COLUMN) if REASON_COLUMN in corrections.columns else None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row of the list, with its correction if it has one.

        Raises:
            ListError: the list changed since, or a corrected row may be paid already.
        """
        applied = 0
        for line, cells in self._table.rows():
            correction = self._corrections.rows.get(line)
            if correction is None:
                yield line, cells
            else:
                applied += 1
                yield line, self._correct(line, cells, *correction)
        missing = len(self._corrections.rows) - applied
        if missing:
            raise ListError(
                f"{self._corrections.name} corrects {format_rows(missing)} that {self._name} does not have. "
                "The list changed since. Correct the list itself."
            )

    def _correct(self, line: int, cells: list[str], line_in_file: int, corrected: Sequence[str]) -> list[str]:
        width = len(self._indexes)
        listed = [*cells, *[""] * (width - len(cells))][:width]
        result = [
            cell if index is None or corrected[index] in {cell, csv_text(cell)} else corrected[index]
            for cell, index in zip(listed, self._indexes, strict=True)
        ]
        where = position(self._corrections.name, line_in_file)
        # The ledger has the row as in the list, or as this file corrected it in an earlier invocation.
        if self._known.get(line) not in (listed, result):
            raise ListError(
                f"{where} corrects line {line} of {self._name}, which changed since. Correct the list itself."
            )
        if line in self._sent and result != self._known[line]:
            # The file is older than the payment: with another number, the row would be another payment in addition.
            raise ListError(
                f"{where} corrects line {line} of {self._name}, which was sent since and may be paid. "
                "Restore the row, or remove it from the file."
            )
        reason = "" if self._reason_index is None else corrected[self._reason_index]
        if reason.startswith(DO_NOT_PAY) and result != listed:
            raise ListError(
                f"{where}: the row may be paid already, see its reason. Restore the row, or remove it from the file."
            )
        return result
