"""Text cells: spaces around them, characters that are refused, quotes in messages; pure."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from bulk_topup.domain.fields import EXAMPLE

#: All white space, and characters without width that editors leave: what the first two reading versions strip from the
#: ends of column names, see `READING_VERSION`.
EARLIER_BLANKS: Final = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u180e"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d"
    "\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
#: Stripped from both ends of every cell: nobody sees a mark of direction, or can remove it in a spreadsheet program.
BLANKS: Final = EARLIER_BLANKS + "\u00ad\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

#: Characters that are invisible or change the order of others, as a character class for regular expressions of Python
#: and Rust. The zero-width joiners are not among them: some scripts need them inside words.
HIDDEN_CLASS: Final = (
    "\\x00-\\x1f\\x7f-\\x9f"  # control characters
    "\u00ad\u180e\u200b\u2060\ufeff"  # without width
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks
    "\u2028\u2029"  # line and paragraph separators
)

#: Most characters of a cell in a message.
QUOTED_CHARACTERS: Final = 60

_HIDDEN: Final = re.compile(f"[{HIDDEN_CLASS}]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_PRODUCT: Final = re.compile(r"[0-9]{1,20}")

#: The largest product ID of DVS: a signed 32-bit integer.
PRODUCT_ID_MAX: Final = 2_147_483_647

#: Returns why the row of a cell is refused; None when the cell is fine.
RowCheck = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellProblem:
    """Why a cell is refused."""

    #: Whole sentences: the quoted cell and the fix.
    message: str


def strip(text: str) -> str:
    """Return the text without spaces and other `BLANKS` at its ends."""
    return text.strip(BLANKS)


def quoted(text: str) -> str:
    """Return the text in quotes, with invisible characters as codes; a long one is cut."""
    shown = _HIDDEN.sub(lambda match: f"<U+{ord(match.group()):04X}>", text[: QUOTED_CHARACTERS + 1])
    return f'"{shown[:QUOTED_CHARACTERS]}…"' if len(shown) > QUOTED_CHARACTERS else f'"{shown}"'


def check_invisible(text: str) -> CellProblem | None:
    """Return a problem for a text with an invisible character; None for other texts."""
    match = _HIDDEN.search(text)
    if match is None:
        return None
    code = ord(match.group())
    name = unicodedata.name(match.group(), "control character").lower()
    return CellProblem(message=f"{quoted(text)} contains the invisible character U+{code:04X} ({name}). Remove it.")


def find_example(text: str) -> CellProblem | None:
    """Return a problem for an example of a template, so that it is never sent; None for other texts."""
    if text.endswith(EXAMPLE):
        return CellProblem(
            message=f"{quoted(text)} is the template's example. Remove the row, or enter the real value."
        )
    return None


def has_foreign_digits(text: str) -> bool:
    """Return True if the text contains a digit other than 0 to 9."""
    return any(character.isdigit() and not character.isascii() for character in text)


def normalise_text(text: str) -> str | CellProblem:
    """Return a text without spaces around it."""
    text = strip(text)
    return check_invisible(text) or text


def normalise_country_code(text: str) -> str | CellProblem:
    """Return a country code in capital letters; whether it exists is not checked here."""
    text = strip(text)
    return check_invisible(text) or text.upper()


def normalise_currency(text: str) -> str | CellProblem:
    """Return a currency as three capital letters."""
    text = strip(text)
    if not _CURRENCY.fullmatch(text):
        return check_invisible(text) or CellProblem(
            message=f"{quoted(text)} is not a currency. Write three letters, such as SGD."
        )
    return text.upper()


def normalise_product_id(text: str) -> str | CellProblem:
    """Return a product ID without leading zeros."""
    text = strip(text)
    if not _PRODUCT.fullmatch(text) or not 0 < int(text) <= PRODUCT_ID_MAX:
        return check_invisible(text) or CellProblem(
            message=f"{quoted(text)} is not a product ID. Write digits only, such as 4520."
        )
    return str(int(text))


def normalise_date(text: str) -> str | CellProblem:
    """Return a date in the form YYYY-MM-DD."""
    text = strip(text)
    if not _DATE.fullmatch(text):
        return check_invisible(text) or CellProblem(
            message=f"{quoted(text)} is not a date in the form YYYY-MM-DD. Write it as 2026-11-30."
        )
    try:
        date.fromisoformat(text)
    except ValueError:
        return CellProblem(message=f"{quoted(text)} does not exist. Correct the date, in the form YYYY-MM-DD.")
    return text
