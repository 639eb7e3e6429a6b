"""Tables that can be read in any width: columns never narrower than a word, or else one block of lines a row."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from bulk_topup.cli.screens.style import printable_cell

#: Cells beside the text of a column: its padding and a line; and the line at the end.
_BESIDE_COLUMN, _BESIDE_TABLE = 3, 1
#: Fewest cells of a value in a block, and the cells between its name and it.
_MIN_VALUE, _GAP = 8, 2
#: A word that is longer than its line is continued on the next one after these characters, if it has any there.
_POINTS: Final = "._-/,:"
_WORDS: Final = re.compile(r"\S+")


class ReadableTable:
    """A table that is printed as blocks where a column would be narrower than its longest word.

    Args:
        headings: its columns.
        rows: the cells of each row.
        unbroken: columns that are never wrapped.
        right: columns with figures, which end at the right.
        title: what it shows; empty for none.
    """

    def __init__(
        self,
        headings: Sequence[str],
        rows: Sequence[Sequence[Text]],
        *,
        unbroken: Collection[str] = (),
        right: Collection[str] = (),
        title: str = "",
    ) -> None:
        self._headings, self._rows, self._title = headings, rows, title
        self._unbroken, self._right = unbroken, right

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table, or its blocks."""
        rows = [[_encodable(cell, options.encoding) for cell in row] for row in self._rows]
        columns = [[row[index].plain for row in rows] for index in range(len(self._headings))]
        widths = column_widths(self._headings, columns, self._unbroken, options.max_width)
        if widths is None:
            if self._title:
                yield Text(self._title)
            for row in rows:
                yield from block_of(self._headings, row, options.max_width, console)
            return
        table = Table(title=Text(self._title) if self._title else None)
        for heading, width in zip(self._headings, widths, strict=True):
            table.add_column(
                Text(heading),
                overflow="fold",
                no_wrap=heading in self._unbroken,
                justify="right" if heading in self._right else "left",
                width=width,
            )
        for row in rows:
            table.add_row(*row)
        yield table


def simple_table(
    headings: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    unbroken: Collection[str] = (),
    right: Collection[str] = (),
    title: str = "",
) -> ReadableTable:
    """Return a table of plain values; the columns named in `unbroken` are never wrapped, those in `right` end there."""
    cells = [[as_text(value) for value in row] for row in rows]
    return ReadableTable(tuple(headings), cells, unbroken=unbroken, right=right, title=title)


def as_text(value: object) -> Text:
    """Return a value as a cell: a text with a style as it is, others without markup and control characters."""
    return value if isinstance(value, Text) else Text("" if value is None else printable_cell(value))


def encodable(text: str, encoding: str) -> str:
    """Return a text as an output with this encoding shows it, so that frames stay straight."""
    return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)


def _encodable(cell: Text, encoding: str) -> Text:
    text = encodable(cell.plain, encoding)
    return cell if text == cell.plain else Text(text, style=cell.style)


def column_widths(
    headings: Sequence[str], columns: Iterable[Collection[str]], unbroken: Collection[str], width: int
) -> list[int] | None:
    """Return the cells of each column; None if one would be narrower than its longest word, or its line if unbroken.

    Args:
        headings: the columns' names.
        columns: the cells of each.
        unbroken: columns that are never wrapped.
        width: of the console.
    """
    whole, least = [], []
    for heading, column in zip(headings, columns, strict=True):
        line = max(longest_line(heading), *map(longest_line, column), 1)
        whole.append(line)
        least.append(line if heading in unbroken else max(longest_word(heading), *map(longest_word, column), 1))
    available = width - _BESIDE_COLUMN * len(whole) - _BESIDE_TABLE
    if sum(least) > available:
        return None
    # Columns give way to the others only above the widest limit with which all fit.
    limit = max(whole)
    while sum(widths := [min(line, max(word, limit)) for line, word in zip(whole, least, strict=True)]) > available:
        limit -= 1
    return widths


def longest_line(cell: str) -> int:
    """Return the cells of the longest line of a text."""
    return max(map(cell_len, cell.splitlines()), default=0)


def longest_word(cell: str) -> int:
    """Return the cells of the longest word of a text."""
    return max(map(cell_len, cell.split()), default=longest_line(cell))


def block_of(headings: Sequence[str], row: Iterable[Text], width: int, console: Console) -> Iterator[Text]:
    """Yield the lines of a row as a block: each value beside the name of its column, and an empty line at the end."""
    names = max(map(len, headings)) + _GAP
    is_beside = width - names >= _MIN_VALUE
    for heading, cell in zip(headings, row, strict=True):
        lines = _lines_of(cell, width - names if is_beside else width, console)
        if not is_beside:
            yield from (
                *(_unwrapped(line) for line in _lines_of(Text(heading), width, console)),
                *map(_unwrapped, lines),
            )
            continue
        name = heading.ljust(names)
        for line in lines:
            yield _unwrapped(Text(name).append_text(line))
            name = " " * names
    yield Text()


def _unwrapped(line: Text) -> Text:
    line.rstrip()
    line.no_wrap, line.overflow = True, "ignore"
    return line


def _lines_of(cell: Text, width: int, console: Console) -> Iterable[Text]:
    if not cell.plain:
        return ()
    if len(cell) <= width and cell.plain.isascii() and "\n" not in cell.plain:
        return (cell,)
    return Text("\n").join(cell.divide(_breaks_of(cell.plain, width))).wrap(console, width, overflow="fold")


def _breaks_of(text: str, width: int) -> list[int]:
    """Return where words that are longer than a line are continued on the next one."""
    found = []
    for word in _WORDS.finditer(text):
        start, end = word.span()
        while end - start > width:
            last = max(text.rfind(point, start, start + width) for point in _POINTS)
            if last <= start:
                break
            start = last + 1
            found.append(start)
    return found
