"""The marks of a column of amounts, decided once for the whole column or not at all; pure.

A cell such as `1,000` may be a thousand or one. It is read only if another cell shows which mark is which, and none
shows the opposite. A cell that is read by the job's decimal mark alone, such as `1.500`, never gets another value.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk_topup.domain.bills import STATEMENT
from bulk_topup.domain.currency_signs import SIGNS

#: Marks between groups of digits that never come before decimals.
SPACES: Final = " \u00a0\u2009\u202f'\u2019"

_SIGN: Final = "(?:" + "|".join([*map(re.escape, SIGNS), "[A-Za-z]{3}"]) + ")"
#: An amount with a currency before or after it, for Python and Rust. A point may end an abbreviation.
SIGNED_BEFORE: Final = rf"^((?i:{_SIGN}))\.?\s*([0-9](?:.*[0-9])?)$"
SIGNED_AFTER: Final = rf"^([0-9](?:.*[0-9])?)\s*((?i:{_SIGN}))\.?$"


def _groups(mark: str) -> str:
    """Return a pattern of digits in groups: of three, or in the Indian way of two and then three."""
    three, two = f"[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+", f"[1-9][0-9]?(?:{mark}[0-9]{{2}})+{mark}[0-9]{{3}}"
    return f"(?:{three}|{two})"


_SPACED: Final = _groups(f"[{SPACES}]")


@dataclass(frozen=True, kw_only=True, slots=True)
class AmountMarks:
    """Which mark is which in a column."""

    #: The mark before decimals, `.` or `,`.
    decimal: str
    #: Whether the other one of the two groups digits somewhere in the column, so that it does so everywhere.
    has_groups: bool = False
    #: Whether blanks and apostrophes group digits.
    has_spaces: bool = False
    #: Whether the decimal mark is another than the job's, so that a cell which the job's mark would read is refused.
    is_found: bool = False

    @property
    def other(self) -> str:
        """The mark, of the two, that is not before decimals."""
        return "." if self.decimal == "," else ","

    def grouped(self) -> str | None:
        """Return a pattern of amounts with groups; None for a column without any."""
        kinds = [_groups(re.escape(self.other))] if self.has_groups else []
        kinds += [_SPACED] if self.has_spaces else []
        return f"^(?:{'|'.join(kinds)})(?:{re.escape(self.decimal)}[0-9]+)?$" if kinds else None

    def in_doubt(self) -> str | None:
        """Return a pattern of cells that may mean two amounts; None for a column without any."""
        return r"^[1-9][0-9]{0,2}[.,][0-9]{3}$" if self.is_found else None


def without_sign(texts: pl.Expr) -> pl.Expr:
    """Return amounts without the currency before or after them."""
    return texts.str.replace(SIGNED_BEFORE, "${2}").str.replace(SIGNED_AFTER, "${1}")


def signs_in(texts: pl.Expr) -> pl.Expr:
    """Return the sign or code of each amount, in capitals; null without one."""
    before = texts.str.extract(SIGNED_BEFORE, 1)
    return pl.coalesce(before, texts.str.extract(SIGNED_AFTER, 2)).str.to_uppercase()


def may_need_marks(texts: pl.Series, decimal_mark: str) -> bool:
    """Return True if a cell of the column, stripped, may be read by marks that only the whole column shows."""
    mark = re.escape(decimal_mark)
    clear = rf"^(?:[0-9]*|[0-9]+{mark}(?:[0-9]{{1,2}}|[0-9]{{4,}})|(?i:{STATEMENT}))$"
    others = texts.filter(~texts.str.contains(clear)).unique().to_frame("text")
    return not others.select(without_sign(pl.col("text")).str.contains(clear)).to_series().all()


def find_marks(columns: Iterable[pl.Series], decimal_mark: str) -> AmountMarks:
    """Return the marks of a whole column.

    Args:
        columns: its cells, stripped, in any number of parts.
        decimal_mark: the job's decimal mark.
    """
    own, other = decimal_mark, "." if decimal_mark == "," else ","
    shows = {own: False, other: False}
    groups = {own: False, other: False}
    has_spaces = False
    for column in columns:
        amounts = column.unique().to_frame("text").select(without_sign(pl.col("text"))).to_series()
        for mark in (own, other):
            grouped = amounts.str.contains(_shows_groups(mark)).any()
            groups[mark] = groups[mark] or grouped
            shows[mark] = shows[mark] or grouped or amounts.str.contains(_shows_decimals(mark)).any()
        has_spaces = has_spaces or amounts.str.contains(f"^{_SPACED}(?:[.,][0-9]+)?$").any()
    if shows[own] and shows[other]:
        return AmountMarks(decimal=own)  # two ways in one column
    if not shows[other]:
        return AmountMarks(decimal=own, has_groups=groups[own], has_spaces=has_spaces)
    if own == "." and (groups[other] or has_spaces):
        return AmountMarks(decimal=other, has_groups=groups[other], has_spaces=has_spaces, is_found=True)
    return AmountMarks(decimal=own)


def _shows_groups(decimal: str) -> str:
    """Return a pattern of amounts that can only be read with this decimal mark, and the other one between groups."""
    mark, other = re.escape(decimal), re.escape("." if decimal == "," else ",")
    several = f"[1-9][0-9]{{0,2}}(?:{other}[0-9]{{3}}){{2,}}|[1-9][0-9]?(?:{other}[0-9]{{2}})+{other}[0-9]{{3}}"
    return f"^(?:{_groups(other)}{mark}[0-9]+|{several})$"


def _shows_decimals(decimal: str) -> str:
    """Return a pattern of amounts that can only be read with this decimal mark."""
    mark = re.escape(decimal)
    few = f"[0-9]+{mark}(?:[0-9]{{1,2}}|[0-9]{{4,}})"
    return f"^(?:{few}|(?:0[0-9]*|[0-9]{{4,}}){mark}[0-9]{{3}}|{_SPACED}{mark}[0-9]+)$"
