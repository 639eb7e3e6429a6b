"""Artefacts of spreadsheet programs: numbers and dates as text, formulas and errors instead of values; pure."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from bulk_topup.intake.cells.texts import CellProblem, quoted

#: The value of a workbook's cell, as calamine returns it.
Value = int | float | str | bool | time | date | datetime | timedelta

#: Significant digits that a number cell keeps; a longer number has lost digits.
EXACT_DIGITS: Final = 15

#: Matches every text that may be refused here, and some others; a regular expression of Rust.
SUSPICIOUS: Final = r"^[=#]|^Err:|[0-9][eE][+\-][0-9]"

# Programs write errors in the user's language, #REF! as #BEZUG! or #¡REF!, and a too narrow column as ####.
_ERROR: Final = re.compile(r"#(?:[¡¿]?[^\W\d_]+(?:/0)?[!?]|N/A|N/D|NV|GETTING_DATA|#+)|Err:[0-9]+")
#: What stands for a cell that is shown otherwise than it can be read, see `number_formats`.
_UNREADABLE: Final = re.compile(r'=TEXT\(("(?:.|\n)*"|[-+0-9.eE:, a-z]+),"(.*)"\)', re.DOTALL)
#: What stands for a value under merged cells.
_MERGED: Final = re.compile(r'=MERGED\("(.*)"\)', re.DOTALL)
_ROUNDED: Final = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?[eE][+-][0-9]{1,3}")


def cell_text(value: Value, decimal_mark: str = ".") -> str:
    """Return the value of a cell as text: digits unchanged, a date as YYYY-MM-DD, TRUE or FALSE."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return number_text(value, decimal_mark)
    return str(value)


def number_text(value: float, decimal_mark: str = ".") -> str:
    """Return a number cell in plain notation, or in scientific notation where it may have lost digits.

    It has no decimal mark of its own: it gets that of the list, as its texts have it.

    A number cell is a 64-bit float, so a longer number was rounded when it was typed or computed. Every field refuses
    the scientific notation, also when it comes back in a report.
    """
    if abs(value) < 10**EXACT_DIGITS:
        if float(value).is_integer():
            return str(int(value))
        # The shortest decimal number for this float is what was typed, if it had few enough digits.
        exact = Decimal(repr(value))
        if len(exact.as_tuple().digits) <= EXACT_DIGITS:
            return f"{exact:f}".replace(".", decimal_mark)
    return f"{value:.16E}"


def merged_text(value: Value) -> str:
    """Return the text of a value under merged cells, which nobody sees: every field refuses it."""
    return f'=MERGED("{cell_text(value)}")'


def find_uncomputed(text: str) -> CellProblem | None:
    """Return a problem for a formula and for the error value of one; None for other texts."""
    if (hidden := _UNREADABLE.fullmatch(text)) is not None:
        return CellProblem(
            message=f"The cell has {hidden[1]}, but its number format {quoted(hidden[2])} shows it otherwise. "
            "Format the column as text and enter what is meant."
        )
    if (covered := _MERGED.fullmatch(text)) is not None:
        return CellProblem(
            message=f"The cell has {quoted(covered[1])} under merged cells, which show another one. "
            "Split the merged cells and enter what is meant."
        )
    if text.startswith("="):
        return CellProblem(
            message=f"{quoted(text)} is a formula without a value. "
            "Open the list in a spreadsheet program and save it, or replace the formula with its value."
        )
    if _ERROR.fullmatch(text):
        return CellProblem(
            message=f"{quoted(text)} is a spreadsheet error instead of a value. "
            "Correct the formula, widen the column, or write the value."
        )
    return None


def find_rounded(text: str) -> CellProblem | None:
    """Return a problem for a number in scientific notation, which no text has on purpose; None for other texts."""
    if _ROUNDED.fullmatch(text):
        return CellProblem(
            message=f"{quoted(text)} is in scientific notation and may have lost digits. "
            "Format the column as text and enter the value again."
        )
    return None
