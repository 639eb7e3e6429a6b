"""Text cells: what is blank, what may not be in them, how they are quoted in messages; pure."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from bulk_topup.domain.fields import EXAMPLE

#: Stripped from both ends of every cell: white space of every kind, and characters of no width that editors leave.
BLANKS: Final = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u180e"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d"
    "\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)

#: Characters that show nothing or change the order of what is shown, as a character class of Python's and Rust's
#: regular expressions. The zero-width joiners are not among them: some scripts need them inside a word.
HIDDEN_CLASS: Final = (
    "\\x00-\\x1f\\x7f-\\x9f"  # control characters
    "\u00ad\u180e\u200b\u2060\ufeff"  # no width
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks
    "\u2028\u2029"  # separators of lines and paragraphs
)

#: Longest part of a cell that a message quotes.
QUOTED_CHARACTERS: Final = 60

_HIDDEN: Final = re.compile(f"[{HIDDEN_CLASS}]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_PRODUCT: Final = re.compile(r"[0-9]{1,20}")

#: The largest product id that DVS takes: a signed 32-bit integer.
PRODUCT_ID_MAX: Final = 2_147_483_647


#: Says why the row of a cell cannot be paid; None where it can.
Doubt = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellProblem:
    """Why a cell cannot be used."""

    #: A whole sentence that quotes the cell and says what to do.
    message: str


def strip(text: str) -> str:
    """Take the blanks off both ends."""
    return text.strip(BLANKS)


def quoted(text: str) -> str:
    """Give the text between quote marks, hidden characters made visible, the end of a long one left out."""
    shown = _HIDDEN.sub(lambda match: f"<U+{ord(match.group()):04X}>", text[: QUOTED_CHARACTERS + 1])
    return f'"{shown[:QUOTED_CHARACTERS]}…"' if len(shown) > QUOTED_CHARACTERS else f'"{shown}"'


def check_invisible(text: str) -> CellProblem | None:
    """Refuse a text with a character that nobody sees; None when there is none."""
    match = _HIDDEN.search(text)
    if match is None:
        return None
    code = ord(match.group())
    name = unicodedata.name(match.group(), "control character").lower()
    return CellProblem(message=f"{quoted(text)} contains the invisible character U+{code:04X} ({name}); remove it.")


def find_example(text: str) -> CellProblem | None:
    """Refuse what a template shows as an example, so that it is never sent; None when the text is none."""
    if text.endswith(EXAMPLE):
        return CellProblem(message=f"{quoted(text)} is the template's example; remove the row, or write what is true.")
    return None


def has_foreign_digits(text: str) -> bool:
    """Tell whether a digit is there that is not one of 0 to 9."""
    return any(character.isdigit() and not character.isascii() for character in text)


def normalise_text(text: str) -> str | CellProblem:
    """Take a text as it is, without the blanks around it."""
    text = strip(text)
    return check_invisible(text) or text


def normalise_country_code(text: str) -> str | CellProblem:
    """Write a country code in capital letters; which codes exist is not checked here."""
    text = strip(text)
    return check_invisible(text) or text.upper()


def normalise_currency(text: str) -> str | CellProblem:
    """Write a currency's three letters as capitals."""
    text = strip(text)
    if not _CURRENCY.fullmatch(text):
        return check_invisible(text) or CellProblem(
            message=f"{quoted(text)} is not a currency; write its three letters, such as SGD."
        )
    return text.upper()


def normalise_product_id(text: str) -> str | CellProblem:
    """Write a product's number without leading zeros."""
    text = strip(text)
    if not _PRODUCT.fullmatch(text) or not 0 < int(text) <= PRODUCT_ID_MAX:
        return check_invisible(text) or CellProblem(
            message=f"{quoted(text)} is not a product id; write its digits only, such as 4520."
        )
    return str(int(text))


def normalise_date(text: str) -> str | CellProblem:
    """Take a day that exists, written YYYY-MM-DD."""
    text = strip(text)
    if not _DATE.fullmatch(text):
        return check_invisible(text) or CellProblem(
            message=f"{quoted(text)} is not a date in the form YYYY-MM-DD; write it as 2026-11-30."
        )
    try:
        date.fromisoformat(text)
    except ValueError:
        return CellProblem(message=f"{quoted(text)} is a day that does not exist; correct it, in the form YYYY-MM-DD.")
    return text
