"""What to write in place of a cell that is refused, where that is certain; pure.

A proposal is always a cell that is read without a problem, and only ever another spelling of what the cell says.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from bulk_topup.domain import fields
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.normalise import normaliser_of
from bulk_topup.intake.cells.texts import HIDDEN_CLASS, CellProblem, strip

_HIDDEN: Final = re.compile(f"[{HIDDEN_CLASS}]")
#: A whole number that a program has written with a decimal.
_WHOLE: Final = re.compile(r"(\+?[0-9]{4,20})\.0")
_SIGNED: Final = re.compile(r"\+([0-9][0-9.,]*)")
#: An apostrophe or a blank between groups of three digits is never a decimal mark.
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:['\u2019\s][0-9]{3})+(?:[.,][0-9]{1,2})?")
_GROUP_MARK: Final = re.compile(r"['\u2019\s]")
#: Three digits after a mark may be a group of thousands, so only others are decimals for certain.
_DECIMALS: Final = re.compile(r"[0-9]{1,15}[.,](?:[0-9]{1,2}|[0-9]{4,9})")
_DATE: Final = re.compile(
    r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?|([0-9]{4})([0-9]{2})([0-9]{2})"
)


def instead_of(field: str, cell: str, formats: Formats) -> str | None:
    """Return what to write in place of a cell that is refused; None where that is not certain.

    Args:
        field: the cell's field.
        cell: the cell as the list has it.
        formats: how the list is read.
    """
    text = strip(cell)
    for candidate in _candidates(field, _plain(text), formats.decimal_mark):
        if candidate == text:
            continue
        read = normaliser_of(field, formats).cell(candidate)
        if not isinstance(read, CellProblem):
            return read.replace(".", formats.decimal_mark) if field == fields.AMOUNT else read
    return None


def _plain(text: str) -> str:
    """Return a text without invisible characters, and with digits as 0 to 9."""
    return "".join(
        str(unicodedata.digit(character)) if _is_foreign_digit(character) else character
        for character in _HIDDEN.sub("", text)
    )


def _is_foreign_digit(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) == "Nd"


def _candidates(field: str, text: str, decimal_mark: str) -> Iterator[str]:
    if field == fields.AMOUNT:
        yield from _amounts(text, decimal_mark)
    elif field == fields.BILL_DUE_DATE:
        if match := _DATE.fullmatch(text):
            year, _, month, day, *packed = match.groups()
            yield "-".join(packed) if year is None else f"{year}-{month.zfill(2)}-{day.zfill(2)}"
    else:
        yield text
        if (field in fields.MOBILE_FIELDS or field == fields.PRODUCT_ID) and (whole := _WHOLE.fullmatch(text)):
            yield whole[1]


def _amounts(text: str, decimal_mark: str) -> Iterator[str]:
    if signed := _SIGNED.fullmatch(text):
        text = signed[1]
    if _GROUPED.fullmatch(text):
        text = _GROUP_MARK.sub("", text)
    if _DECIMALS.fullmatch(text):
        text = re.sub("[.,]", lambda _: decimal_mark, text)
    yield text
