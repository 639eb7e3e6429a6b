"""Decimal amounts: how they are read from text, written and summed; no float ever enters here."""

import re
from decimal import Context, Decimal

#: More digits than any currency needs; longer ones are a mistake in the list, not an amount.
MAX_DIGITS_BEFORE_MARK = 18
MAX_DIGITS_AFTER_MARK = 9

#: What a price is rounded to where it has to be computed from a rate.
CENT = Decimal("0.01")
#: Digits enough for the largest amount times a rate, and for any sum of amounts; Python's own 28 are fewer than one
#: amount may have with its rate.
PRECISE = Context(prec=100)

_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)


def parse_plain_amount(text: str) -> Decimal | None:
    """Read an amount in plain notation (digits, at most one point) as a Decimal; None when it is not one.

    Signs, exponents, blanks, group marks, NaN and infinity are not plain notation.
    """
    if not _PLAIN.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    if len(whole.lstrip("0")) > MAX_DIGITS_BEFORE_MARK or len(fraction) > MAX_DIGITS_AFTER_MARK:
        return None
    return Decimal(text)


def with_fee(price: Decimal | None, fee: Decimal | None) -> Decimal | None:
    """Give a price with its fee, exactly; None where there is no price, and a fee that is not stated is none."""
    return None if price is None else PRECISE.add(price, fee or Decimal(0))


def plain(amount: Decimal) -> str:
    """Write an amount without exponent and without padding zeros, `Decimal("5.00")` as `5`."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def grouped(amount: Decimal) -> str:
    """Write an amount as `plain` does, but with commas between groups of three digits; for people, not for programs."""
    whole, mark, decimals = plain(amount).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{mark}{decimals}"
