"""Describe what products give and how long it is valid, in words for people; pure."""

from collections.abc import Iterator
from decimal import Decimal

from bulk_topup.domain.money import format_plain
from bulk_topup.dvs.models.base import UNLIMITED, Period, Range, RequiredFields
from bulk_topup.dvs.models.product import (
    Benefit,
    BenefitAmount,
    FixedProduct,
    KnownProduct,
    PaymentInformation,
    ProductBase,
    RangedValuePayment,
)

#: The unit type of benefits that are money.
_MONEY = "CURRENCY"
#: The type of benefits whose name is no word.
_TEXTS = "SMS"
#: The payment modes in words (reference: Products, payment).
_MODES = {
    "EXACT": "exactly what is due (EXACT)",
    "PARTIAL": "less (PARTIAL)",
    "EXCESS": "more (EXCESS)",
    "PAST_DUE": "past due (PAST_DUE)",
}


def benefits_text(product: ProductBase) -> str:
    """Return what a product gives besides its amount of money, e.g. `2 GB data and 100 SMS, valid for 7 days`.

    Returns:
        An empty text if there is nothing but money that is valid for an unstated time.
    """
    benefits = [_benefit_text(benefit) for benefit in product.benefits or () if benefit.unit_type != _MONEY]
    parts = [" and ".join(benefits)] if benefits else []
    return ", ".join([*parts, *filter(None, [validity_text(product.validity)])])


def validity_text(validity: Period | None) -> str:
    """Return how long something is valid, e.g. `valid for 7 days`; empty for an unstated time."""
    if validity is None:
        return ""
    if validity.quantity is None:
        return "valid for an unknown time"
    if validity.quantity == UNLIMITED:
        return "valid for ever"
    unit = validity.unit.lower() + ("" if validity.quantity == 1 else "s")
    return f"valid for {format_plain(validity.quantity)} {unit}"


def amounts_text(product: KnownProduct) -> str:
    """Return the amounts that beneficiaries may receive, in plain notation: `5 SGD`, `1 to 100 SGD in steps of 0.5`."""
    if isinstance(product, FixedProduct):
        return f"{format_plain(product.destination.amount)} {product.destination.unit}"
    allowed = product.destination.amount
    bounds = " to ".join(format_plain(bound) for bound in (allowed.min, allowed.max) if bound is not None)
    step = f" in steps of {format_plain(allowed.increment)}" if allowed.increment else ""
    return f"{bounds} {product.destination.unit}{step}"


def payment_texts(product: object) -> tuple[str, ...]:
    """Return what a product takes against bills, as sentences; none for a product that pays no bills."""
    if not isinstance(product, RangedValuePayment) or (terms := product.payment) is None:
        return ()
    return tuple(_payment_texts(terms))


def takes_statements(product: object) -> bool:
    """Return True if DVS can be asked what an account of the product owes."""
    return (
        isinstance(product, RangedValuePayment)
        and product.payment is not None
        and product.payment.supports_statement_inquiry
    )


def alternatives_text(alternatives: RequiredFields | None, group: str = "", *, between: str = " and ") -> str:
    """Return which fields are required, e.g. `account_number, or nothing`; empty where nothing is.

    Args:
        alternatives: lists of fields of which one suffices; an empty one says that nothing is required.
        group: the group of the fields, with a point; empty to name the fields alone.
        between: what stands between two fields of one alternative.
    """
    named = [between.join(f"{group}{name}" for name in inner) for inner in alternatives or () if inner]
    if not named:
        return ""
    return ", or ".join([*named, *(["nothing"] if [] in (alternatives or ()) else [])])


def _payment_texts(terms: PaymentInformation) -> Iterator[str]:
    if terms.modes:
        yield f"Takes payments of a bill that are {', '.join(_MODES.get(mode, mode) for mode in terms.modes)}."
    if (period := terms.posting_period) is not None and period.quantity is not None:
        unit = period.unit.lower() + ("" if period.quantity == 1 else "s")
        kind = f"{period.type.lower()} " if period.type else ""
        yield f"The biller shows a payment after {format_plain(period.quantity)} {kind}{unit}."
    if terms.supports_statement_inquiry:
        needed = alternatives_text(terms.required_inquiry_fields) or "account_number"
        yield f"What is due can be asked for, with {needed}: --amount statement."
    yield from (f"{note.strip().rstrip('.')}." for note in terms.notes or () if note.strip())


def quantity_text(amount: Decimal | Range | None, unit: str) -> str:
    """Return an amount of a benefit with its unit; -1 is unlimited, and None unknown."""
    if isinstance(amount, Range):
        low, high = (quantity_text(bound, unit) for bound in (amount.min, amount.max))
        return low if low == high else f"{low} to {high}"
    if amount is None:
        return "an unknown amount of"
    return "unlimited" if amount == UNLIMITED else f"{format_plain(amount)} {unit}"


def _benefit_text(benefit: Benefit) -> str:
    text = quantity_text(_total(benefit.amount), benefit.unit)
    kind = benefit.type if benefit.type == _TEXTS else benefit.type.lower()
    return text if text.endswith(f" {kind}") else f"{text} {kind}"


def _total(amount: BenefitAmount) -> Decimal | Range | None:
    """Return what the beneficiary gets; older products state no total with tax."""
    totals = (amount.total_including_tax, amount.total_excluding_tax, amount.base)
    return next((each for each in totals if each is not None), None)
