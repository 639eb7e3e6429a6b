"""Describe what products give and how long it is valid, in words for people; pure."""

from decimal import Decimal

from bulk_topup.domain.money import format_plain
from bulk_topup.dvs.models.base import UNLIMITED, Period, Range
from bulk_topup.dvs.models.product import Benefit, BenefitAmount, FixedProduct, KnownProduct, ProductBase

#: The unit type of benefits that are money.
_MONEY = "CURRENCY"
#: The type of benefits whose name is no word.
_TEXTS = "SMS"


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
