"""The requirements of products, as polars expressions with a message each; the place to add a row check; pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.column_use import NO_COLUMNS, ColumnUse, map_advice
from bulk_topup.domain.countries import find_country
from bulk_topup.domain.currency_signs import AMOUNT_SIGN, signs_of
from bulk_topup.domain.money import format_amount, format_money, format_plain
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.dvs import field_limits
from bulk_topup.dvs.models.base import CalculationMode, Range, RequiredFields
from bulk_topup.dvs.models.product import FixedProduct, KnownProduct, RangedProduct

#: Decimals of compared amounts: twice those of a list's amounts, so that finer bounds, which DVS may have calculated
#: from a rate, are compared exactly.
SCALE = 18
#: Exclusive limit of bounds, so that the difference of two cannot overflow.
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
        name: (field_limits.POSTAL_CODE, "a postal code of capital letters, digits, spaces and dashes")
        for name in fields.DVS_FIELDS
        if name.endswith("postal_code")
    },
    "additional_identifier.purchaser_id": (
        field_limits.PURCHASER_ID,
        "a purchaser ID of 8 to 36 letters, digits and dashes",
    ),
}

NOTHING_CERTAIN: Final = pl.lit(None, dtype=pl.String)
#: A column of every checked frame: the list's columns whose cells were refused by intake.
REFUSED_COLUMNS = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check of a row."""

    #: The list's column of the problem; empty for the whole row.
    column: str
    #: Whether a row fails; null counts as passed.
    is_invalid: pl.Expr
    #: The message for a row that fails.
    message: pl.Expr
    kind: ProblemKind
    #: What to write into the cell; null where that is not certain.
    instead: pl.Expr = NOTHING_CERTAIN


def format_checks(present: Collection[str], columns: Mapping[str, str]) -> Iterator[Check]:
    """Yield the checks that do not depend on the product: patterns and lengths of the API reference.

    Args:
        present: fields for which the frame has a column.
        columns: the list's column for each mapped field.
    """
    for name, (pattern, description) in _PATTERNS.items():
        if name in present:
            is_invalid = pl.col(name).is_not_null() & ~pl.col(name).str.contains(pattern)
            yield Check(
                column=columns.get(name, ""),
                is_invalid=is_invalid,
                message=_message('"', pl.col(name), f'" is not {description}.'),
                kind=ProblemKind.TEXT,
                instead=_country_code(pl.col(name)) if name.endswith("country_iso_code") else NOTHING_CERTAIN,
            )
    for name, longest in _LENGTHS.items():
        if name in present:
            is_invalid = pl.col(name).str.len_chars() > longest
            text = f"Account numbers have at most {longest} characters."
            yield Check(
                column=columns.get(name, ""), is_invalid=is_invalid, message=pl.lit(text), kind=ProblemKind.TEXT
            )


def _country_code(value: pl.Expr) -> pl.Expr:
    """Return the alpha-3 code of a country that is written as its other code or its name; null for others."""

    def code(text: str) -> str | None:
        country = find_country(text)
        return None if country is None else country.alpha_3

    return value.map_elements(code, return_dtype=pl.String)


def product_checks(
    product: KnownProduct,
    mode: CalculationMode,
    present: Collection[str],
    columns: Mapping[str, str],
    use: ColumnUse = NO_COLUMNS,
) -> Iterator[Check]:
    """Yield the checks of one product: required fields, calculation mode, amount and currency (reference: Products).

    Args:
        product: the product.
        mode: the side of the list's amounts.
        present: fields for which the frame has a column.
        columns: the list's column for each mapped field.
        use: the list's columns, for advice.
    """
    for group in fields.GROUPS:
        yield from _required(product.id, group, getattr(product, f"required_{group}_fields"), present, columns, use)
    if isinstance(product, FixedProduct):
        yield from _fixed_amount(product, mode, present, columns)
    else:
        yield from _ranged_amount(product, mode, present, columns, use)


def is_missing(name: str, columns: Mapping[str, str]) -> pl.Expr:
    """Return whether a field has no value; a refused cell is not missing, as it has a problem of its own."""
    is_empty = pl.col(name).is_null()
    column = columns.get(name)
    return is_empty if column is None else is_empty & ~pl.col(REFUSED_COLUMNS).list.contains(column)


def always(column: str, text: str, kind: ProblemKind) -> Check:
    """Return a check that every row fails."""
    return Check(column=column, is_invalid=pl.lit(value=True), message=pl.lit(text), kind=kind)


def _message(*parts: str | pl.Expr) -> pl.Expr:
    """Return texts and columns as one text; unlike in a format string, braces are plain characters."""
    return pl.concat_str(pl.lit(part) if isinstance(part, str) else part for part in parts)


def _required(
    product_id: int,
    group: str,
    alternatives: RequiredFields | None,
    present: Collection[str],
    columns: Mapping[str, str],
    use: ColumnUse,
) -> Iterator[Check]:
    """Yield the check of one group: one inner list with all of its fields is enough."""
    alternative_names = [[f"{group}.{field}" for field in inner] for inner in alternatives or []]
    if not any(alternative_names) or not all(alternative_names):
        return
    satisfied = pl.any_horizontal(
        pl.all_horizontal(~is_missing(name, columns) if name in present else pl.lit(value=False) for name in inner)
        for inner in alternative_names
    )
    first = alternative_names[0]
    column = next((columns[name] for name in first if name in columns), "")
    needs = ", or ".join(" and ".join(inner) for inner in alternative_names)
    missing = [name for name in first if name not in present]
    if not missing:
        fix = "Fill it in."
    elif missing[0] in fields.DVS_FIELDS:
        fix = map_advice(missing[0], use)
    else:
        fix = f"This version can't send {missing[0]}. Choose another product."
    message = pl.lit(f"Product {product_id} requires {needs}. {fix}")
    kind = ProblemKind.MISSING_COLUMN if missing else ProblemKind.MISSING_VALUE
    yield Check(column=column, is_invalid=~satisfied, message=message, kind=kind)


def _fixed_amount(
    product: FixedProduct, mode: CalculationMode, present: Collection[str], columns: Mapping[str, str]
) -> Iterator[Check]:
    """Yield the checks of a fixed product: a list with another amount probably means another product."""
    side = product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination
    yield from _currency(product.id, side.unit, present, columns)
    if fields.AMOUNT in present:
        amount = pl.col(fields.AMOUNT)
        # An amount that does not fit has more digits than a list can have.
        differs = amount.cast(EXACT) != _exact(side.amount) if _fits(side.amount) else pl.lit(value=True)
        start = f"Product {product.id} has the fixed amount {format_money(side.amount, side.unit)}, but the list has "
        fix = ". Correct the amount, or choose another product."
        column = columns.get(fields.AMOUNT, "")
        yield Check(
            column=column,
            is_invalid=amount.is_not_null() & differs,
            message=_message(start, amount, fix),
            kind=ProblemKind.AMOUNT_NOT_OFFERED,
        )


def _ranged_amount(
    product: RangedProduct,
    mode: CalculationMode,
    present: Collection[str],
    columns: Mapping[str, str],
    use: ColumnUse,
) -> Iterator[Check]:
    column = columns.get(fields.AMOUNT, "")
    accepted = product.accepted_calculation_modes
    if accepted and mode not in accepted:
        modes = " or ".join(accepted)
        text = f"Product {product.id} does not support {mode}. Add --calculation-mode {modes}."
        yield always(column, text, ProblemKind.AMOUNT_NOT_OFFERED)
        return
    side = product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination
    yield from _currency(product.id, side.unit, present, columns)
    if fields.AMOUNT not in present:
        text = f"Amount required for product {product.id}. {map_advice(fields.AMOUNT, use)}"
        yield always("", text, ProblemKind.MISSING_COLUMN)
        return
    amount = pl.col(fields.AMOUNT)
    required = pl.lit(f"Amount required for product {product.id}.")
    yield Check(
        column=column, is_invalid=is_missing(fields.AMOUNT, columns), message=required, kind=ProblemKind.MISSING_VALUE
    )
    yield from _range(product.id, side.amount, side.unit, amount, column)


def _range(product_id: int, allowed: Range, unit: str, amount: pl.Expr, column: str) -> Iterator[Check]:
    exact = amount.cast(EXACT)
    lower, upper = allowed.min, allowed.max
    if not all(_fits(bound) for bound in (lower, upper, allowed.increment) if bound is not None):
        text = (
            f"Product {product_id} has a range with more digits than this version can compare. Choose another product."
        )
        yield always(column, text, ProblemKind.AMOUNT_NOT_OFFERED)
        return
    if lower is not None and upper is not None:
        bounds = f"{format_amount(lower, unit)} to {format_money(upper, unit)}"
    elif lower is not None:
        bounds = f"at least {format_money(lower, unit)}"
    else:
        bounds = f"at most {format_money(upper or Decimal(0), unit)}"
    for bound, outside in ((lower, exact < _exact(lower)), (upper, exact > _exact(upper))):
        if bound is not None:
            message = _message(amount, f" must be {bounds} (product {product_id}).")
            yield Check(column=column, is_invalid=outside, message=message, kind=ProblemKind.AMOUNT_NOT_OFFERED)
    if allowed.increment:
        start = lower or Decimal(0)
        steps = f"{format_money(start, unit)} plus steps of {format_amount(allowed.increment, unit)}"
        off = (exact >= _exact(start)) & ((exact - _exact(start)) % _exact(allowed.increment) != _exact(Decimal(0)))
        message = _message(amount, f" must be {steps} (product {product_id}).")
        yield Check(column=column, is_invalid=off, message=message, kind=ProblemKind.AMOUNT_NOT_OFFERED)


def _currency(product_id: int, unit: str, present: Collection[str], columns: Mapping[str, str]) -> Iterator[Check]:
    if fields.CURRENCY in present:
        currency = pl.col(fields.CURRENCY)
        text = _message("The list has ", currency, f", but product {product_id} has {unit}.")
        column = columns.get(fields.CURRENCY, "")
        is_other = currency.is_not_null() & (currency != unit)
        yield Check(column=column, is_invalid=is_other, message=text, kind=ProblemKind.CURRENCY)

    if AMOUNT_SIGN in present:
        sign = pl.col(AMOUNT_SIGN)
        fix = f"Write the amount in {unit}, or choose another product."
        text = _message('The amount has "', sign, f'", but product {product_id} has {unit}. {fix}')
        is_other = sign.is_not_null() & ~sign.is_in(signs_of(unit))
        column = columns.get(fields.AMOUNT, "")
        yield Check(column=column, is_invalid=is_other, message=text, kind=ProblemKind.CURRENCY)


def _fits(value: Decimal) -> bool:
    return -LIMIT < value < LIMIT and len(format_plain(value).partition(".")[2]) <= SCALE


def _exact(value: Decimal | None) -> pl.Expr:
    return pl.lit(value, dtype=EXACT)
