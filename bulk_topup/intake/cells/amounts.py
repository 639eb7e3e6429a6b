"""Amounts of lists in plain notation; pure and exact, never through a float."""

import re
from decimal import Decimal
from typing import Final

import polars as pl

from bulk_topup.domain.bills import STATEMENT
from bulk_topup.domain.money import MAX_DIGITS_AFTER_MARK, MAX_DIGITS_BEFORE_MARK, format_plain, parse_plain_amount
from bulk_topup.intake.cells.texts import CellProblem, check_invisible, has_foreign_digits, quoted, strip

#: Matches amounts in plain notation; a pattern for the regular expressions of Python and Rust.
PLAIN_AMOUNT: Final = (
    rf"^(?:[1-9][0-9]{{0,{MAX_DIGITS_BEFORE_MARK - 1}}}(?:\.[0-9]{{0,{MAX_DIGITS_AFTER_MARK - 1}}}[1-9])?"
    rf"|0\.[0-9]{{0,{MAX_DIGITS_AFTER_MARK - 1}}}[1-9])$"
)

_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]+")
_GROUPED: Final = re.compile(
    r"[0-9]{1,3}(?:[.,'\u2019\s][0-9]{3})+(?:[.,][0-9]*)?|[0-9]+(?:['\u2019\s][0-9]+)+(?:[.,][0-9]*)?"
)
_SIGNED: Final = re.compile(r"[+\-\u2212]\s*[0-9][0-9.,]*")
_WITH_CURRENCY: Final = re.compile(r"[^0-9.,+\-]{1,4}\s*[0-9][0-9.,]*|[0-9][0-9.,]*\s*[^0-9.,+\-]{1,4}")


def normalise_amount(text: str, decimal_mark: str) -> str | CellProblem:
    """Return an amount in plain notation: digits, and a point before the decimals.

    Args:
        text: the cell.
        decimal_mark: the character before its decimals, `.` or `,`.

    Returns:
        The amount in plain notation, without padding zeros; the word for an amount that DVS is asked for, in lower
        case; or why it is not an amount.
    """
    text = strip(text)
    if text.casefold() == STATEMENT:
        return STATEMENT
    other_mark = "," if decimal_mark == "." else "."
    # The other mark must not be read as the decimal mark, so such a text is never parsed.
    amount = None if other_mark in text else parse_plain_amount(text.replace(decimal_mark, "."))
    if amount is None:
        return check_invisible(text) or CellProblem(message=_explain(text, decimal_mark, other_mark))
    if amount <= Decimal(0):
        return CellProblem(message=f"{quoted(text)} is not more than zero. Enter the amount to pay, or remove the row.")
    return format_plain(amount)


def normalise_amounts(texts: pl.Series, decimal_mark: str) -> pl.Series:
    """Return amounts without padding zeros, where they are digits and a decimal mark; null for all other cells.

    Args:
        texts: the cells, stripped.
        decimal_mark: the character before their decimals, `.` or `,`.
    """
    mark = re.escape(decimal_mark)
    amount = pl.col("text").str.replace(decimal_mark, ".", literal=True).str.strip_chars_start("0")
    amount = pl.when(amount.str.contains(".", literal=True)).then(amount.str.strip_chars_end("0")).otherwise(amount)
    amount = amount.str.strip_chars_end(".")
    pattern = rf"^0*[0-9]{{1,{MAX_DIGITS_BEFORE_MARK}}}(?:{mark}[0-9]{{1,{MAX_DIGITS_AFTER_MARK}}})?$"
    is_plain = pl.col("text").str.contains(pattern) & (amount != "")
    whole = pl.when(amount.str.starts_with(".")).then("0" + amount).otherwise(amount)
    return pl.DataFrame({"text": texts}).select(pl.when(is_plain).then(whole)).to_series()


def _explain(text: str, mark: str, other_mark: str) -> str:
    shown = quoted(text)
    if has_foreign_digits(text):
        return f"{shown} contains digits other than 0 to 9. Write it with 0 to 9."
    if _SCIENTIFIC.fullmatch(text):
        return f"{shown} is in scientific notation. Write the amount in full."
    if _SIGNED.fullmatch(text):
        if text[0] == "+":
            return f"{shown} has a sign. Write the amount without it."
        return f"{shown} is not more than zero. Enter the amount to pay, or remove the row."
    whole, _, decimals = text.partition(other_mark)
    if _are_digits(whole, decimals):
        return _explain_other_mark(shown, whole, decimals, mark, other_mark)
    if _GROUPED.fullmatch(text):
        return f"{shown} has thousands separators. Remove them."
    whole, separator, decimals = text.partition(mark)
    if _are_digits(whole, decimals if separator else "0"):
        return (
            f"{shown} has too many digits. Round it to at most {MAX_DIGITS_BEFORE_MARK} before the decimal mark and "
            f"{MAX_DIGITS_AFTER_MARK} after it."
        )
    if _WITH_CURRENCY.fullmatch(text):
        return f"{shown} is more than a number. Write the amount alone, and the currency in a column of its own."
    return f'{shown} is not an amount. Write digits, with "{mark}" before the decimals, such as 10{mark}50.'


def _explain_other_mark(shown: str, whole: str, decimals: str, mark: str, other_mark: str) -> str:
    option = f'add --decimal-mark "{other_mark}"'
    if len(decimals) == 3 and len(whole) <= 3 and whole != "0":
        return (
            f'{shown} has a "{other_mark}", but the decimal mark is "{mark}". Remove thousands separators: '
            f"{whole}{decimals}. Or, if decimals follow, {option}."
        )
    return (
        f'{shown} has a "{other_mark}", but the decimal mark is "{mark}". Write {whole}{mark}{decimals}, or {option}.'
    )


def _are_digits(*parts: str) -> bool:
    return all(part.isascii() and part.isdigit() for part in parts)
