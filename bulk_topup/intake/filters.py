"""Rows of a list that a job pays, and those that it leaves out; reads the list through its table."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

from bulk_topup.errors import ListError
from bulk_topup.intake import Table
from bulk_topup.intake.cells.lookalikes import is_nearly
from bulk_topup.intake.cells.spreadsheet_artefacts import find_rounded, find_uncomputed
from bulk_topup.intake.cells.texts import Doubt, quoted, strip

#: Cells of a filter's column of which it is kept whether they are clear.
_CELLS_KEPT: Final = 1_024


class Filter(BaseModel):
    """What a cell must be for its row to be paid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The list's column that is looked at.
    column: str
    #: The text, or the texts, one of which the cell must be, letter by letter; blanks around it do not count.
    equals: str | tuple[str, ...] | None = None
    #: The text, or the texts, none of which the cell may be; a blank cell is none of them.
    not_equals: str | tuple[str, ...] | None = None
    #: Whether the cell must be blank, or must not be.
    blank: bool | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(each is not None for each in (self.equals, self.not_equals, self.blank)) != 1:
            raise ValueError("a filter states one of equals, not_equals and blank")
        if () in (self.equals, self.not_equals):
            raise ValueError("a filter states at least one text; leave it out to pay every row")
        return self

    def __str__(self) -> str:
        if self.blank is not None:
            return f'"{self.column}" is {"" if self.blank else "not "}blank'
        texts = self._texts(self.equals if self.equals is not None else self.not_equals)
        listed = " or ".join(f'"{text}"' for text in texts)
        return f'"{self.column}" is {"" if self.equals is not None else "not "}{listed}'

    def takes(self, cell: str) -> bool:
        """Tell whether a row with this cell is paid."""
        cell = strip(cell)
        if self.blank is not None:
            return self.blank is not bool(cell)
        if self.equals is not None:
            return cell in self._texts(self.equals)
        return cell not in self._texts(self.not_equals)

    def doubt(self, cell: str) -> str | None:
        """Say why nobody can tell whether a row with this cell is meant, and the cure; None when it is clear.

        Either answer could be wrong, and one of them pays somebody who is not to be paid.
        """
        cell = strip(cell)
        if (unknown := find_uncomputed(cell) or find_rounded(cell)) is not None:
            return f"A filter of the job asks for the value: {unknown.message}"
        texts = self._texts(self.equals if self.equals is not None else self.not_equals)
        if not cell or cell in texts:
            return None
        near = next((text for text in texts if is_nearly(cell, text)), None)
        if near is None:
            return None
        return (
            f"{quoted(cell)} is nearly {quoted(near)}, which a filter of the job names, so nobody can tell whether it "
            "is meant; write both alike, or add it to the filter."
        )

    @staticmethod
    def _texts(stated: str | tuple[str, ...] | None) -> tuple[str, ...]:
        return tuple(map(strip, (stated,) if isinstance(stated, str) else stated or ()))


class FilteredTable:
    """A list without the rows that a job leaves out; the others keep their lines.

    Args:
        table: the list.
        name: its name, for messages.
        filters: what a row must meet, all of it.

    Raises:
        ListError: the list has no column, or several, of a filter's name.
    """

    def __init__(self, table: Table, name: str, filters: Sequence[Filter]) -> None:
        #: The list's own.
        self.header_line, self.header = table.header_line, table.header
        self._table = table
        self._name = name
        columns = list(map(strip, table.header))
        self._filters = [
            # Most columns that are filtered have few different cells.
            (_place(columns, filter_.column, name), filter_, lru_cache(_CELLS_KEPT)(filter_.doubt))
            for filter_ in filters
        ]
        #: How many rows each filter left out when the list was read last; the first that a row does not meet counts.
        self.counts: Counter[str] = Counter()

    @property
    def doubts(self) -> Mapping[int, Doubt]:
        """What says of a cell in these places that its row is not clear, see `Filter.doubt`."""
        found: dict[int, Doubt] = {}
        for place, _, doubt in self._filters:
            found[place] = doubt if place not in found else partial(_either, found[place], doubt)
        return found

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give each row that is paid, those that are not clear, and blank ones, which are none.

        Raises:
            ListError: none of the rows is left.
        """
        self.counts.clear()
        is_any = False
        for line, cells, unmet in self._judged():
            if unmet is None:
                is_any = is_any or any(map(strip, cells))
                yield line, cells
            else:
                self.counts[unmet] += 1
        if self.counts and not is_any:
            told = "; ".join(f"{count} rows, as not {filter_}" for filter_, count in self.counts.items())
            raise ListError(
                f"The job's filters leave out every row of {self._name}: {told}. Correct [[filters]], or the list."
            )

    def left_out(self) -> Iterator[tuple[int, list[str], str]]:
        """Give each row that is left out, with its line and the filter that it does not meet."""
        return ((line, cells, unmet) for line, cells, unmet in self._judged() if unmet is not None)

    def _judged(self) -> Iterator[tuple[int, list[str], str | None]]:
        for line, cells in self._table.rows():
            if not any(map(strip, cells)):
                yield line, cells, None
                continue
            yield line, cells, self._unmet(cells)

    def _unmet(self, cells: Sequence[str]) -> str | None:
        """Give the first filter that a row clearly does not meet."""
        for place, filter_, doubt in self._filters:
            cell = _cell(cells, place)
            if not filter_.takes(cell) and doubt(cell) is None:
                return str(filter_)
        return None


def _either(first: Doubt, second: Doubt, cell: str) -> str | None:
    return first(cell) or second(cell)


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""


def _place(columns: Sequence[str], column: str, name: str) -> int:
    column = strip(column)
    count = columns.count(column)
    if count != 1 or not column:
        has = "several columns" if count > 1 else "no column"
        raise ListError(
            f'{name} has {has} "{column}", which a filter of the job names; '
            f"its columns are {', '.join(filter(None, columns))}."
        )
    return columns.index(column)
