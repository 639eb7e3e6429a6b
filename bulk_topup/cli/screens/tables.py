"""Plain tables for the terminal."""

from collections.abc import Collection, Iterable

from rich.table import Table

from bulk_topup.cli.screens.style import escape_markup


def simple_table(headings: Iterable[str], rows: Iterable[Iterable[object]], *, unbroken: Collection[str] = ()) -> Table:
    """Return a table of plain values; the columns named in `unbroken` are never wrapped."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in unbroken)
    for row in rows:
        table.add_row(*("" if value is None else escape_markup(value) for value in row))
    return table
