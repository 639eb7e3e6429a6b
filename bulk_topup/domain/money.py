"""Parse, format and sum Decimal amounts; never a float; pure."""

import re
from decimal import Context, Decimal
from typing import Final

#: More digits than any currency needs; a longer number is an error in the list, not an amount.
MAX_DIGITS_BEFORE_MARK = 18
MAX_DIGITS_AFTER_MARK = 9

#: Enough digits for the largest amount times a rate, and for any sum of amounts. The default of 28 is less than one
#: amount times its rate may need.
PRECISE = Context(prec=100)

#: Decimals of the currencies that do not have two (ISO 4217).
_MINOR_UNITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)


def parse_plain_amount(text: str) -> Decimal | None:
    """Return an amount in plain notation (digits, at most one point) as a Decimal; None if it is not one.

    Signs, exponents, spaces, thousands separators, NaN and infinity are not plain notation.
    """
    if not _PLAIN.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    if len(whole.lstrip("0")) > MAX_DIGITS_BEFORE_MARK or len(fraction) > MAX_DIGITS_AFTER_MARK:
        return None
    return Decimal(text)


def with_fee(price: Decimal | None, fee: Decimal | None) -> Decimal | None:
    """Return a price with its fee, exactly; None without a price; a missing fee counts as 0."""
    return None if price is None else PRECISE.add(price, fee or Decimal(0))


def format_plain(amount: Decimal) -> str:
    """Return an amount without exponent and without padding zeros, `Decimal("5.00")` as `5`."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


#: Types of plain values that JSON has as they are.
_KEPT: Final = frozenset({str, int, bool, type(None)})


def with_texts(value: object) -> object:
    """Return plain values (dict, list, str, int, bool, None, Decimal) with amounts as text, for JSON.

    A reader of JSON may turn numbers into floats, which round.
    """
    # What stays, most of the million values of a long answer, is told by its type alone.
    if type(value) in _KEPT:
        return value
    if isinstance(value, dict):
        return {key: item if type(item) in _KEPT else with_texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_texts(item) for item in value]
    return format_plain(value) if isinstance(value, Decimal) else value


def smallest_unit(unit: str) -> Decimal:
    """Return the smallest amount of a currency, ISO 4217, such as 0.01 of USD; that of an unknown one is 0.01."""
    return Decimal(1).scaleb(-_MINOR_UNITS.get(unit, 2))


def format_amount(amount: Decimal, unit: str) -> str:
    """Return an amount for people: groups of three digits, and at least the decimals that its currency has.

    Nothing is rounded: an amount with more decimals than its currency keeps them. Files and JSON use `format_plain`.

    Args:
        amount: in `unit`.
        unit: the currency, ISO 4217, such as USD; an unknown one has two decimals.
    """
    whole, _, decimals = format_plain(amount).partition(".")
    sign = "-" if whole.startswith("-") else ""
    decimals = decimals.ljust(_MINOR_UNITS.get(unit, 2), "0")
    return f"{sign}{int(whole.lstrip('-')):,}{'.' if decimals else ''}{decimals}"


def format_money(amount: Decimal, unit: str) -> str:
    """Return an amount with its currency, for people: `Decimal("1672.3")` of USD as `1,672.30 USD`."""
    return f"{format_amount(amount, unit)} {unit}"


def format_share(share: Decimal) -> str:
    """Return a share for people: `Decimal("0.02")` as `2 %`."""
    return f"{format_plain(PRECISE.multiply(share, Decimal(100)))} %"
