"""Prints tables of many rows as rich does, which takes milliseconds for each row: here it sizes and frames them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from rich.box import HEAVY_HEAD
from rich.cells import set_cell_size
from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text

from bulk_topup.cli.screens.style import printable_cell
from bulk_topup.cli.screens.tables import block_of, column_widths, encodable, longest_line, longest_word, simple_table

#: Fewer rows are printed by rich.
LONG: Final = 100
#: Rows that are written at once.
BATCH: Final = 500
#: Wrapped cells of a column that are remembered: many cells of a list are equal.
REMEMBERED: Final = 10_000


def print_table(
    console: Console, headings: Sequence[str], rows: Iterable[Iterable[object]], *, unbroken: Collection[str] = ()
) -> None:
    """Print a table of plain values, as `simple_table` shows it.

    Args:
        console: where to print it.
        headings: its columns.
        rows: the cells of each row.
        unbroken: columns that are never wrapped.
    """
    encoding = console.encoding
    cells = [["" if value is None else encodable(printable_cell(value), encoding) for value in row] for row in rows]
    if len(cells) < LONG:
        console.print(simple_table(headings, cells, unbroken=unbroken))
        return
    columns = list(zip(*cells, strict=True))
    widths = column_widths(headings, columns, unbroken, console.width)
    if widths is None:
        for start in range(0, len(cells), BATCH):
            batch = (map(Text, row) for row in cells[start : start + BATCH])
            lines = (line.plain for row in batch for line in block_of(headings, row, console.width, console))
            console.file.write("".join(f"{line}\n" for line in lines))
        return
    # The widths follow from the longest line and the longest word of each column: these two rows have the same.
    widest = ([max(column, key=key) for column in columns] for key in (longest_line, longest_word))
    framed = console.render_lines(simple_table(headings, widest, unbroken=unbroken), pad=False)
    texts = ["".join(segment.text for segment in line) for line in framed]
    box = HEAVY_HEAD.substitute(console.options, safe=console.safe_box)
    head = next(number for number, text in enumerate(texts) if text.startswith(box.head_row_left)) + 1
    _print_lines(console, framed[:head])
    wraps = [
        _wrap_to(console, width, no_wrap=heading in unbroken) for heading, width in zip(headings, widths, strict=True)
    ]
    frame = (f"{box.mid_left} ", f" {box.mid_vertical} ", f" {box.mid_right}")
    for start in range(0, len(cells), BATCH):
        lines = (line for row in cells[start : start + BATCH] for line in _lines_of(row, wraps, widths, frame))
        console.file.write("".join(f"{line}\n" for line in lines))
    _print_lines(console, framed[-1:])


def _lines_of(
    row: Sequence[str],
    wraps: Sequence[Callable[[str], Sequence[str]]],
    widths: Sequence[int],
    frame: tuple[str, str, str],
) -> Iterator[str]:
    """Yield the lines of a row."""
    left, between, right = frame
    wrapped = [wrap(cell) for wrap, cell in zip(wraps, row, strict=True)]
    blank = [" " * width for width in widths]
    for number in range(max(map(len, wrapped))):
        parts = (lines[number] if number < len(lines) else empty for lines, empty in zip(wrapped, blank, strict=True))
        yield f"{left}{between.join(parts)}{right}"


def _wrap_to(console: Console, width: int, *, no_wrap: bool) -> Callable[[str], Sequence[str]]:
    """Return a function that wraps cells of a column, each line as wide as the column."""

    @lru_cache(maxsize=REMEMBERED)
    def wrap(cell: str) -> Sequence[str]:
        if len(cell) <= width and cell.isascii() and "\n" not in cell:
            return (cell.ljust(width),)
        lines = Text(cell).wrap(console, width, overflow="fold", no_wrap=no_wrap)
        return [set_cell_size(line.plain, width) for line in lines]

    return wrap


def _print_lines(console: Console, lines: Iterable[list[Segment]]) -> None:
    """Print lines that are rendered."""
    console.print(Segments([segment for line in lines for segment in (*line, Segment.line())]), end="")
