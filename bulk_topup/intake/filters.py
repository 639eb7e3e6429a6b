"""Filters of a job: rows of a list that it pays, and rows that it leaves out; reads the list through its table."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from heapq import merge
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

from bulk_topup.domain.outside_rows import CONDITIONS, Outside
from bulk_topup.domain.verdict import format_rows
from bulk_topup.errors import ListError
from bulk_topup.intake import ListReader, Table
from bulk_topup.intake.cells.lookalikes import is_lookalike
from bulk_topup.intake.cells.spreadsheet_artefacts import find_rounded, find_uncomputed
from bulk_topup.intake.cells.texts import RowCheck, quoted, strip
from bulk_topup.intake.files.open_table import titles_of
from bulk_topup.intake.seen_table import SeenTable

#: A filter on a command line: a column, quoted if its name has a sign, and a text or whether the cell is blank.
_COMPARED: Final = re.compile(r'\s*(?:"([^"]+)"|([^"=!]+?))\s*(!?=)\s*(.*?)\s*', re.DOTALL)
_BLANK: Final = re.compile(r'\s*(?:"([^"]+)"|([^"=!]+?))\s+is\s+(not\s+)?blank\s*', re.IGNORECASE)
#: Cells of a filter's column whose check is cached.
_CELLS_CACHED: Final = 1_024


class Filter(BaseModel):
    """A condition on a cell; rows that do not meet it are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The list's column.
    column: str
    #: The text, or the texts, one of which the cell must equal exactly; spaces around it are ignored.
    equals: str | tuple[str, ...] | None = None
    #: The text, or the texts, none of which the cell may equal; an empty cell equals none of them.
    not_equals: str | tuple[str, ...] | None = None
    #: Whether the cell must be empty (true) or must not be empty (false).
    blank: bool | None = None

    @model_validator(mode="after")
    def _check_one_condition(self) -> Self:
        if sum(each is not None for each in (self.equals, self.not_equals, self.blank)) != 1:
            raise ValueError("a filter needs exactly one of equals, not_equals and blank")
        if () in (self.equals, self.not_equals):
            raise ValueError("a filter needs at least one text; remove it to pay every row")
        return self

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the filter that a command line gives, such as `status = paid` or `status is not blank`.

        Raises:
            ValueError: the text is no filter.
        """
        if (found := _BLANK.fullmatch(text)) is not None:
            return cls(column=(found[1] or found[2]).strip(), blank=found[3] is None)
        found = _COMPARED.fullmatch(text)
        value = "" if found is None else found[4].removeprefix('"').removesuffix('"').strip()
        if found is None or not value:
            raise ValueError(
                f'"{text}" is not a filter. Write it like "status = paid", "status != paid", "status is blank" or '
                '"status is not blank".'
            )
        column = (found[1] or found[2]).strip()
        return cls(column=column, equals=value) if found[3] == "=" else cls(column=column, not_equals=value)

    def __str__(self) -> str:
        if self.blank is not None:
            return f'"{self.column}" is {"" if self.blank else "not "}blank'
        texts = self._texts(self.equals if self.equals is not None else self.not_equals)
        alternatives = " or ".join(f'"{text}"' for text in texts)
        return f'"{self.column}" is {"" if self.equals is not None else "not "}{alternatives}'

    def matches(self, cell: str) -> bool:
        """Return True if the cell meets the condition."""
        cell = strip(cell)
        if self.blank is not None:
            return self.blank is not bool(cell)
        if self.equals is not None:
            return cell in self._texts(self.equals)
        return cell not in self._texts(self.not_equals)

    def row_check(self, cell: str) -> str | None:
        """Return why it is unclear whether the cell meets the condition, with the fix; None when it is clear.

        Such a row is refused: to pay it, or to leave it out, could each be wrong.
        """
        cell = strip(cell)
        if (unknown := find_uncomputed(cell) or find_rounded(cell)) is not None:
            return f"A filter needs this value: {unknown.message}"
        texts = self._texts(self.equals if self.equals is not None else self.not_equals)
        if not cell or cell in texts:
            return None
        near = next((text for text in texts if is_lookalike(cell, text)), None)
        if near is None:
            return None
        return f"{quoted(cell)} resembles filter value {quoted(near)}. Make them match, or add it to the filter."

    @staticmethod
    def _texts(setting: str | tuple[str, ...] | None) -> tuple[str, ...]:
        return tuple(map(strip, (setting,) if isinstance(setting, str) else setting or ()))


class FilteredTable:
    """A list without the rows that filters leave out; the others keep their lines.

    Args:
        table: the list.
        name: its name, for messages.
        filters: the conditions, all of which a row must meet.

    Raises:
        ListError: the list does not have exactly one column with a filter's name.
    """

    def __init__(self, table: Table, name: str, filters: Sequence[Filter]) -> None:
        #: The list's own.
        self.header_line, self.header = table.header_line, table.header
        self.source_table = table
        self._name = name
        columns = list(map(strip, table.header))
        self._filters = [
            # Most filtered columns have few different cells.
            (_column_index(columns, filter_.column, name), filter_, lru_cache(_CELLS_CACHED)(filter_.row_check))
            for filter_ in filters
        ]
        #: Rows that each filter left out in the last reading; a row counts for the first filter that it does not meet.
        self.counts: Counter[str] = Counter()

    @property
    def row_checks(self) -> Mapping[int, RowCheck]:
        """The checks for unclear cells by column index, see `Filter.row_check`."""
        checks: dict[int, RowCheck] = {}
        for index, _, check in self._filters:
            checks[index] = check if index not in checks else partial(_first_problem, checks[index], check)
        return checks

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that meets all filters, unclear rows, and empty ones, which do not count as rows.

        Raises:
            ListError: the filters leave out every row.
        """
        self.counts.clear()
        is_any = False
        for line, cells, unmet in self._filtered():
            if unmet is None:
                is_any = is_any or any(map(strip, cells))
                yield line, cells
            else:
                self.counts[unmet] += 1
        if self.counts and not is_any:
            counts = "; ".join(f"{format_rows(count)} by filter {filter_}" for filter_, count in self.counts.items())
            raise ListError(
                f"The filters leave out every row of {self._name}: {counts}. Correct them in the job file or on the "
                "command line, or correct the list."
            )

    def left_out(self) -> Iterator[tuple[int, list[str], str]]:
        """Yield each row that is left out, also as it is not seen, with its line and the condition it does not meet."""
        own = ((line, cells, unmet) for line, cells, unmet in self._filtered() if unmet is not None)
        if not isinstance(self.source_table, SeenTable):
            return own
        return merge(own, self.source_table.left_out(), key=lambda row: row[0])

    def _filtered(self) -> Iterator[tuple[int, list[str], str | None]]:
        for line, cells in self.source_table.rows():
            if not any(map(strip, cells)):
                yield line, cells, None
                continue
            yield line, cells, self._unmet(cells)

    def _unmet(self, cells: Sequence[str]) -> str | None:
        """Return the first filter that a row clearly does not meet."""
        for index, filter_, check in self._filters:
            cell = _cell(cells, index)
            if not filter_.matches(cell) and check(cell) is None:
                return str(filter_)
        return None


def left_out_rows(table: Table, reader: ListReader) -> Iterator[tuple[int, list[str], str]] | None:
    """Return the rows of a file that are not paid, each with its line and the condition that it does not meet.

    Args:
        table: the list.
        reader: the same list, which was read to its end.

    Returns:
        The rows in order; None for a list that leaves out nothing.
    """
    rows = reader.outside_rows.rows
    outside = [(line, cells, CONDITIONS[kind]) for line, kind, cells in reader.footers() if line in rows]
    if Outside.TITLE in rows.values():
        outside = [(line, cells, CONDITIONS[Outside.TITLE]) for line, cells in titles_of(table)] + outside
    if not isinstance(table, FilteredTable | SeenTable):
        return iter(outside) if outside else None
    # A total of all rows of the file may be among those that are left out.
    own = (row for row in table.left_out() if row[0] not in rows)
    return merge(own, outside, key=lambda row: row[0])


def _first_problem(first: RowCheck, second: RowCheck, cell: str) -> str | None:
    return first(cell) or second(cell)


def _cell(cells: Sequence[str], index: int) -> str:
    return cells[index] if index < len(cells) else ""


def _column_index(columns: Sequence[str], column: str, name: str) -> int:
    column = strip(column)
    count = columns.count(column)
    if count != 1 or not column:
        has = "several columns" if count > 1 else "no column"
        raise ListError(
            f'{name} has {has} "{column}", but a filter needs one. '
            f"Columns: {', '.join(quoted(each) for each in columns if each)}."
        )
    return columns.index(column)
