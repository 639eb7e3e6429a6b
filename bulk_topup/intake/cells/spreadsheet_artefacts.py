"""What spreadsheet programs leave in cells: numbers and dates as text, traces of values that are not there; pure."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from bulk_topup.intake.cells.texts import CellProblem, quoted

#: What a cell of a workbook holds, as calamine gives it.
Value = int | float | str | bool | time | date | datetime | timedelta

#: Significant digits that a number cell keeps; what is longer has lost digits before it was saved.
EXACT_DIGITS: Final = 15

#: Finds every text that may be refused here, and some others; a pattern of Rust's regular expressions.
SUSPICIOUS: Final = r"^[=#]|^Err:|[0-9][eE][+\-][0-9]"

# Programs write errors in the user's language, #REF! as #BEZUG! or #¡REF!, and a column that was too narrow as ####.
_ERROR: Final = re.compile(r"#(?:[¡¿]?[^\W\d_]+(?:/0)?[!?]|N/A|N/D|NV|GETTING_DATA|#+)|Err:[0-9]+")
_ROUNDED: Final = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?[eE][+-][0-9]{1,3}")


def cell_text(value: Value) -> str:
    """Write the value of a cell as text: digits as they are, a day as YYYY-MM-DD, TRUE or FALSE."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return number_text(value)
    return str(value)


def number_text(value: float) -> str:
    """Write a number cell in plain notation, or in scientific notation where it may have lost digits.

    A number cell is a 64-bit float, so a longer number was rounded when it was typed or computed. Its notation makes
    every field refuse it, here and when it comes back from a report.
    """
    if abs(value) < 10**EXACT_DIGITS:
        if float(value).is_integer():
            return str(int(value))
        # The shortest decimal number that is this float: what was typed, if it was typed with few enough digits.
        exact = Decimal(repr(value))
        if len(exact.as_tuple().digits) <= EXACT_DIGITS:
            return f"{exact:f}"
    return f"{value:.16E}"


def find_uncomputed(text: str) -> CellProblem | None:
    """Refuse a formula and an error that a formula ended in; None when the text is neither."""
    if text.startswith("="):
        return CellProblem(
            message=f"{quoted(text)} is a formula, and the list does not hold its value; "
            "open the list in a spreadsheet program and save it, or put the value in place of the formula."
        )
    if _ERROR.fullmatch(text):
        return CellProblem(
            message=f"{quoted(text)} stands where a spreadsheet program had no value to show; "
            "correct the formula or widen the column, or write the value."
        )
    return None


def find_rounded(text: str) -> CellProblem | None:
    """Refuse a number in scientific notation, which a text never is on purpose; None when it is none."""
    if _ROUNDED.fullmatch(text):
        return CellProblem(
            message=f"{quoted(text)} is in scientific notation and may have lost digits; "
            "format the column as text and enter the value again."
        )
    return None
