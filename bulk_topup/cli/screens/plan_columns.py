"""Which columns of a list a plan uses for what, and how it read amounts, as lines of the plan and options to add."""

from collections.abc import Iterator, Sequence
from typing import Final

from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.amount_notes import AmountNotes
from bulk_topup.domain.column_use import ColumnUse, field_words

#: Most kept columns that the line names.
SHOWN_COLUMNS: Final = 10


def column_lines(use: ColumnUse) -> Iterator[str]:
    """Yield the line of a plan about its list's columns; none for a list that is not read."""
    if not use.used and not use.kept:
        return
    used = ", ".join(f'"{column}" is {field_words(name)}' for name, column in use.used.items())
    kept = f" Only kept: {_names(use.kept)}." if use.kept else ""
    line = f"Columns: {used or 'none is used'}.{kept}"
    yield f"  {escape_markup(line)}"


def amount_lines(notes: AmountNotes) -> Iterator[str]:
    """Yield the lines of a plan about amounts that are more than digits and the job's decimal mark."""
    marks = [f'"{notes.group_mark}" groups digits'] if notes.group_mark is not None else []
    marks += [f'"{notes.decimal_mark}" is before decimals'] if notes.decimal_mark is not None else []
    if marks:
        cell, amount = notes.example or ("", "")
        example = f': "{cell}" → {amount}' if cell else ""
        line = f"In the whole column of amounts {' and '.join(marks)}{example}."
        yield f"  {escape_markup(line)}"
    if notes.signs:
        yield f"  Amounts are written with their currency: {escape_markup(', '.join(notes.signs))}."


def column_options(use: ColumnUse) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a list lacks, with the options that read it from a likely column."""
    for name, column in use.proposed.items():
        yield f'If column "{column}" has the {field_words(name)}', ("--map", f"{name}={column}")


def _names(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - SHOWN_COLUMNS:,} more" if len(columns) > SHOWN_COLUMNS else ""
    return ", ".join(f'"{column}"' for column in columns[:SHOWN_COLUMNS]) + more
