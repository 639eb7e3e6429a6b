"""What a product requires of a row, compiled to polars expressions that give a sentence where a row falls short."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import field_limits
from bulk_topup.dvs.models.base import CalculationMode, Range, RequiredFields
from bulk_topup.dvs.models.product import FixedProduct, Product, RangedProduct

#: Twice the digits after the mark that an amount of a list may have, so that bounds finer than any amount, which the
#: provider may have computed from a rate, are compared as they are.
SCALE = 18
#: What bounds have to stay below, so that no difference of two overflows.
LIMIT = Decimal(10) ** 19
EXACT = pl.Decimal(38, SCALE)

_LENGTHS = {
    name: field_limits.ACCOUNT_NUMBER_MAX_LENGTH for name in fields.DVS_FIELDS if name.endswith(".account_number")
}
_PATTERNS = {
    **{
        name: (field_limits.COUNTRY_ISO_CODE, "a country code of three capital letters (ISO 3166-1 alpha-3)")
        for name in fields.DVS_FIELDS
        if name.endswith("country_iso_code")
    },
    **{
        name: (field_limits.POSTAL_CODE, "a postal code of capital letters, digits, blanks and dashes")
        for name in fields.DVS_FIELDS
        if name.endswith("postal_code")
    },
    "additional_identifier.purchaser_id": (
        field_limits.PURCHASER_ID,
        "a purchaser id of 8 to 36 letters, digits and dashes",
    ),
}


#: A column of every frame that is checked: the list's columns whose cells were refused when they were read.
REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that is looked at."""

    #: The list's column that a problem is reported at; empty for the row as a whole.
    column: str
    #: Where a row falls short; null where nothing can be said, which is fine.
    fails: pl.Expr
    #: The sentence for a row that does.
    message: pl.Expr


def format_checks(present: Collection[str], columns: Mapping[str, str]) -> Iterator[Check]:
    """Give the checks that hold whatever the product: the reference's patterns and lengths.

    Args:
        present: fields that the frame has a column for.
        columns: the list's column for each mapped field.
    """
    for name, (pattern, description) in _PATTERNS.items():
        if name in present:
            bad = pl.col(name).is_not_null() & ~pl.col(name).str.contains(pattern)
            yield Check(
                column=columns.get(name, ""),
                fails=bad,
                message=_sentence('"', pl.col(name), f'" is not {description}.'),
            )
    for name, longest in _LENGTHS.items():
        if name in present:
            bad = pl.col(name).str.len_chars() > longest
            text = f"An account number has at most {longest} characters."
            yield Check(column=columns.get(name, ""), fails=bad, message=pl.lit(text))


def product_checks(
    product: Product, mode: CalculationMode, present: Collection[str], columns: Mapping[str, str]
) -> Iterator[Check]:
    """Give the checks that one product asks for: required fields, calculation mode, amount and currency."""
    for group in fields.GROUPS:
        yield from _required(product.id, group, getattr(product, f"required_{group}_fields"), present, columns)
    if isinstance(product, FixedProduct):
        yield from _fixed_amount(product, mode, present, columns)
    elif isinstance(product, RangedProduct):
        yield from _ranged_amount(product, mode, present, columns)
    else:
        text = f'Product {product.id} is of type "{product.type}", which this version cannot pay with.'
        yield always(columns.get(fields.PRODUCT_ID, ""), text)


def is_missing(name: str, columns: Mapping[str, str]) -> pl.Expr:
    """Tell where a field has no value; a cell that was refused has one, which is a problem of its own."""
    blank = pl.col(name).is_null()
    column = columns.get(name)
    return blank if column is None else blank & ~pl.col(REFUSED).list.contains(column)


def always(column: str, text: str) -> Check:
    """Give the check that no row passes."""
    return Check(column=column, fails=pl.lit(value=True), message=pl.lit(text))


def _sentence(*parts: str | pl.Expr) -> pl.Expr:
    """Join texts and columns; unlike in a format, braces in either mean nothing."""
    return pl.concat_str(pl.lit(part) if isinstance(part, str) else part for part in parts)


def _required(
    product_id: int,
    group: str,
    alternatives: RequiredFields | None,
    present: Collection[str],
    columns: Mapping[str, str],
) -> Iterator[Check]:
    """Give the check of one group: any one inner list satisfied is enough, and it needs all of its fields."""
    named = [[f"{group}.{field}" for field in inner] for inner in alternatives or []]
    if not any(named) or not all(named):
        return
    satisfied = pl.any_horizontal(
        pl.all_horizontal(~is_missing(name, columns) if name in present else pl.lit(value=False) for name in inner)
        for inner in named
    )
    first = named[0]
    column = next((columns[name] for name in first if name in columns), "")
    needs = ", or ".join(" and ".join(inner) for inner in named)
    missing = [name for name in first if name not in present]
    if not missing:
        cure = "fill it in"
    elif missing[0] in fields.DVS_FIELDS:
        cure = f"map a column to it with --map {missing[0]}=COLUMN"
    else:
        cure = f"this version cannot send {missing[0]}, choose another product"
    yield Check(column=column, fails=~satisfied, message=pl.lit(f"Product {product_id} needs {needs}; {cure}."))


def _fixed_amount(
    product: FixedProduct, mode: CalculationMode, present: Collection[str], columns: Mapping[str, str]
) -> Iterator[Check]:
    """A fixed product has one amount; a list that states another means another product."""
    side = product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination
    yield from _currency(product.id, side.unit, present, columns)
    if fields.AMOUNT in present:
        amount = pl.col(fields.AMOUNT)
        # An amount that does not fit has more digits than a list can state.
        differs = amount.cast(EXACT) != _exact(side.amount) if _fits(side.amount) else pl.lit(value=True)
        says = f"Product {product.id} always gives {format_plain(side.amount)} {side.unit}, the list says "
        cure = "; correct the amount or choose another product."
        column = columns.get(fields.AMOUNT, "")
        yield Check(column=column, fails=amount.is_not_null() & differs, message=_sentence(says, amount, cure))


def _ranged_amount(
    product: RangedProduct, mode: CalculationMode, present: Collection[str], columns: Mapping[str, str]
) -> Iterator[Check]:
    column = columns.get(fields.AMOUNT, "")
    accepted = product.accepted_calculation_modes
    if accepted and mode not in accepted:
        modes = " or ".join(accepted)
        yield always(column, f"Product {product.id} does not take {mode}; state --calculation-mode {modes}.")
        return
    side = product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination
    yield from _currency(product.id, side.unit, present, columns)
    if fields.AMOUNT not in present:
        yield always("", f"Product {product.id} needs an amount; map a column to it with --map amount=COLUMN.")
        return
    amount = pl.col(fields.AMOUNT)
    blank = pl.lit(f"Product {product.id} needs an amount; fill it in.")
    yield Check(column=column, fails=is_missing(fields.AMOUNT, columns), message=blank)
    yield from _range(product.id, side.amount, side.unit, amount, column)


def _range(product_id: int, allowed: Range, unit: str, amount: pl.Expr, column: str) -> Iterator[Check]:
    exact = amount.cast(EXACT)
    lower, upper = allowed.min, allowed.max
    if not all(_fits(bound) for bound in (lower, upper, allowed.increment) if bound is not None):
        text = f"The range of product {product_id} has more digits than this version compares; choose another product."
        yield always(column, text)
        return
    stated = " ".join(
        f"{word} {format_plain(bound)} {unit}" for word, bound in (("from", lower), ("to", upper)) if bound is not None
    )
    for bound, outside in ((lower, exact < _exact(lower)), (upper, exact > _exact(upper))):
        if bound is not None:
            sentence = _sentence(amount, f" is out of range: product {product_id} takes {stated}.")
            yield Check(column=column, fails=outside, message=sentence)
    if allowed.increment:
        start = lower or Decimal(0)
        step = f"{format_plain(start)} {unit} and then steps of {format_plain(allowed.increment)}"
        off = (exact >= _exact(start)) & ((exact - _exact(start)) % _exact(allowed.increment) != _exact(Decimal(0)))
        sentence = _sentence(amount, f" is not a possible amount: product {product_id} takes {step}.")
        yield Check(column=column, fails=off, message=sentence)


def _currency(product_id: int, unit: str, present: Collection[str], columns: Mapping[str, str]) -> Iterator[Check]:
    if fields.CURRENCY in present:
        currency = pl.col(fields.CURRENCY)
        text = _sentence("The list says ", currency, f", product {product_id} pays in {unit}.")
        column = columns.get(fields.CURRENCY, "")
        yield Check(column=column, fails=currency.is_not_null() & (currency != unit), message=text)


def _fits(value: Decimal) -> bool:
    return -LIMIT < value < LIMIT and len(format_plain(value).partition(".")[2]) <= SCALE


def _exact(value: Decimal | None) -> pl.Expr:
    return pl.lit(value, dtype=EXACT)
