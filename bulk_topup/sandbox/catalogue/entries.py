"""What products are found by, so that a product itself is created only when it is asked for; pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

from bulk_topup.domain.countries import COUNTRIES
from bulk_topup.dvs.models.catalogue import Operator, ServiceOfProduct
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct

BENEFIT_TYPES: Final = ("TALKTIME", "DATA", "SMS", "PAYMENT", "CREDITS")
#: The services of mobile operators and of eSIMs.
MOBILE: Final = 1
ESIM: Final = 13

#: The countries of mobile numbers: ISO 3166-1 alpha-2, the regions of calling codes, to alpha-3.
ALPHA_3: Final = {country.alpha_2: country.alpha_3 for country in COUNTRIES}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One product of a catalogue."""

    id: int
    name: str
    type: str
    service: ServiceOfProduct
    operator: Operator
    #: The amount of the destination that lists are sorted by; a range counts as its smallest amount.
    amount: Decimal
    tags: frozenset[str] = frozenset()
    benefit_types: frozenset[str] = frozenset()
    #: Codes of the regions that the product names, beside its operator's country.
    regions: frozenset[str] = frozenset()
    #: Creates the product.
    create: Callable[[], AnyProduct]


#: What products can be sorted by (reference: Products, list).
SORT_KEYS: Mapping[str, Callable[[Entry], Any]] = {
    "id": attrgetter("id"),
    "name": attrgetter("name"),
    "amount": attrgetter("amount"),
}


def entry_of(product: AnyProduct) -> Entry:
    """Return the entry of a product that exists already."""
    amount = product.destination.amount
    return Entry(
        id=product.id,
        name=product.name,
        type=product.type,
        service=product.service,
        operator=product.operator,
        amount=amount if isinstance(amount, Decimal) else amount.min or Decimal(0),
        tags=frozenset(product.tags or ()),
        benefit_types=frozenset(benefit.type for benefit in product.benefits or ()),
        regions=frozenset(region.code for region in product.regions or ()),
        create=lambda: product,
    )


def is_esim(product: AnyProduct) -> bool:
    """Return True if a product is an eSIM or a recharge of one."""
    return product.service.id == ESIM


def is_of(
    found: Entry | AnyProduct,
    *,
    service_id: int | None,
    subservice_id: int | None,
    country_iso_code: str | None,
    operator_id: int | None,
) -> bool:
    """Return True if a product is of the service, subservice, country and operator; None matches any."""
    subservice = found.service.subservice
    return (
        service_id in {None, found.service.id}
        and (subservice_id is None or (subservice is not None and subservice.id == subservice_id))
        and country_iso_code in {None, found.operator.country.iso_code}
        and operator_id in {None, found.operator.id}
    )


def covers(entry: Entry, region: str) -> bool:
    """Return True if a product can be used in a country or a region of one."""
    prefix = region.partition("-")[0]
    country = ALPHA_3.get(prefix, prefix)
    return bool({region, country} & {entry.operator.country.iso_code, *entry.regions})


def has_any(wanted: Iterable[str], values: frozenset[str]) -> bool:
    """Return True if nothing is wanted, or one of the values is."""
    wanted = frozenset(wanted)
    return not wanted or not wanted.isdisjoint(values)
