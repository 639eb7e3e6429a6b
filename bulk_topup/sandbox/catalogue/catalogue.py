"""Finds products, operators, countries and services, and writes their bodies; touches nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, TypeVar

import phonenumbers
from pydantic import BaseModel

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.catalogue import LookupOperator, Operator
from bulk_topup.dvs.models.product import ProductOfTransaction
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.operators import ALPHA_3, COUNTRIES, OPERATORS, SERVICES
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct
from bulk_topup.sandbox.catalogue.products import PRODUCTS
from bulk_topup.sandbox.errors import ErrorResponse

K = TypeVar("K")


def _destination_amount(found: AnyProduct) -> Decimal:
    amount = found.destination.amount
    return amount if isinstance(amount, Decimal) else amount.min or Decimal(0)


#: What products can be sorted by (reference: Products, list); a range counts as its smallest amount.
SORT_KEYS: Mapping[str, Callable[[AnyProduct], Any]] = {
    "id": attrgetter("id"),
    "name": attrgetter("name"),
    "amount": _destination_amount,
}

BENEFIT_TYPES = ("TALKTIME", "DATA", "SMS", "PAYMENT", "CREDITS")
#: The services of mobile operators and of eSIMs.
_MOBILE = 1
ESIM = 13

#: Fields that a body omits if they are null, since most products and ranges do not have them.
_OMITTED_IF_NULL = frozenset({"content_language", "increment", "pin"})
_SUMMARY_FIELDS = set(ProductOfTransaction.model_fields)
#: Fields of a transaction that are null where nothing is set; all others are left out then.
_NULL_IF_UNSET = frozenset({"tags", "regions", "promotions", "retail", "additional_information"})

_PRODUCTS: Mapping[int, AnyProduct] = {product.id: product for product in PRODUCTS}


def encode(model: BaseModel, without: dict[str, Any] | None = None) -> bytes:
    """Write a model as a body: with null fields, except those that only some models have, and those to leave out."""
    return codec.encode(_without_rare_nulls(model.model_dump(exclude=without)))


def set_fields(value: Any) -> Any:  # noqa: ANN401 - a part of a JSON value
    """Return a part of a transaction without what is not set, as DVS writes it: only few fields are null instead."""
    if isinstance(value, dict):
        return {name: set_fields(part) for name, part in value.items() if part is not None or name in _NULL_IF_UNSET}
    return [*map(set_fields, value)] if isinstance(value, list) else value


def _without_rare_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: _without_rare_nulls(part)
            for name, part in value.items()
            if part is not None or name not in _OMITTED_IF_NULL
        }
    return [_without_rare_nulls(part) for part in value] if isinstance(value, list) else value


#: Bodies, encoded once.
_SUMMARIES = {product.id: codec.encode(set_fields(product.model_dump(include=_SUMMARY_FIELDS))) for product in PRODUCTS}
_OPERATOR_BODIES = {id_: encode(operator) for id_, operator in OPERATORS.items()}
_COUNTRY_BODIES = {code: encode(country) for code, country in COUNTRIES.items()}
_SERVICE_BODIES = {id_: encode(service) for id_, service in SERVICES.items()}
BENEFIT_TYPE_BODIES = [codec.encode({"name": name}) for name in BENEFIT_TYPES]


def product(product_id: int) -> AnyProduct:
    """Return a product.

    Raises:
        ErrorResponse: no such product (1003001).
    """
    found = _PRODUCTS.get(product_id)
    if found is None:
        raise ErrorResponse(ErrorCode.PRODUCT_NOT_AVAILABLE)
    return found


def is_esim(found: AnyProduct) -> bool:
    """Return True if a product is an eSIM or a recharge of one."""
    return found.service.id == ESIM


def summary(product_id: int) -> bytes:
    """Return the part of a product that the bodies of its transactions contain."""
    return _SUMMARIES[product_id]


def products(
    *,
    type_: str | None = None,
    service_id: int | None = None,
    subservice_id: int | None = None,
    country_iso_code: str | None = None,
    operator_id: int | None = None,
    region: str | None = None,
    tags: Iterable[str] = (),
    benefit_types: Iterable[str] = (),
    sort: Sequence[tuple[str, bool]] = (),
) -> list[AnyProduct]:
    """Return the products that match every filter, by ID or in another order (reference: Products, list).

    Args:
        type_: and the following: what a product must match; None and empty match any.
        sort: keys of `SORT_KEYS`, the first one first, each with whether it is reversed.
    """
    wanted_tags, wanted_benefits = set(tags), set(benefit_types)
    matching = [
        found
        for found in PRODUCTS
        if type_ in {None, found.type}
        and is_of(
            found,
            service_id=service_id,
            subservice_id=subservice_id,
            country_iso_code=country_iso_code,
            operator_id=operator_id,
        )
        and (region is None or _covers(found, region))
        and (not wanted_tags or wanted_tags & set(found.tags or ()))
        and (not wanted_benefits or wanted_benefits & {benefit.type for benefit in found.benefits or ()})
    ]
    for key, is_reversed in reversed(sort):
        matching.sort(key=SORT_KEYS[key], reverse=is_reversed)
    return matching


def is_of(
    found: AnyProduct,
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


def _covers(found: AnyProduct, region: str) -> bool:
    """Return True if a product can be used in a country or a region of one."""
    prefix = region.partition("-")[0]
    country = ALPHA_3.get(prefix, prefix)
    covered = {found.operator.country.iso_code} | {part.code for part in found.regions or ()}
    return region in covered or country in covered


def _operators_of(
    service_id: int | None, subservice_id: int | None, country_iso_code: str | None = None
) -> list[Operator]:
    """Return the operators of the products that match, ordered by ID."""
    found = {
        item.operator.id: item.operator
        for item in PRODUCTS
        if is_of(
            item,
            service_id=service_id,
            subservice_id=subservice_id,
            country_iso_code=country_iso_code,
            operator_id=None,
        )
    }
    return [found[id_] for id_ in sorted(found)]


def operator_body(operator_id: int) -> bytes:
    """Return the body of an operator, or raise ErrorResponse (1005006) (reference: Operators, get)."""
    return _get(_OPERATOR_BODIES, operator_id, ErrorCode.OPERATOR_NOT_FOUND)


def operator_bodies(country_iso_code: str | None, service_id: int | None, subservice_id: int | None) -> list[bytes]:
    """Return the bodies of the operators that match every filter (reference: Operators, list)."""
    return [_OPERATOR_BODIES[found.id] for found in _operators_of(service_id, subservice_id, country_iso_code)]


def country_body(iso_code: str) -> bytes:
    """Return the body of a country, or raise ErrorResponse (1005005) (reference: Countries, get)."""
    return _get(_COUNTRY_BODIES, iso_code, ErrorCode.COUNTRY_NOT_FOUND)


def country_bodies(service_id: int | None, subservice_id: int | None) -> list[bytes]:
    """Return the bodies of the countries that match every filter (reference: Countries, list)."""
    codes = {found.country.iso_code for found in _operators_of(service_id, subservice_id)}
    return [_COUNTRY_BODIES[code] for code in sorted(codes)]


def service_body(service_id: int) -> bytes:
    """Return the body of a service, or raise ErrorResponse (1005004) (reference: Services, get)."""
    return _get(_SERVICE_BODIES, service_id, ErrorCode.SERVICE_NOT_FOUND)


def service_bodies(country_iso_code: str | None) -> list[bytes]:
    """Return the bodies of all services, or of those with products in a country (reference: Services, list)."""
    if country_iso_code is None:
        return list(_SERVICE_BODIES.values())
    ids = {found.service.id for found in PRODUCTS if found.operator.country.iso_code == country_iso_code}
    return [body for id_, body in _SERVICE_BODIES.items() if id_ in ids]


def lookup_bodies(mobile_number: str) -> list[bytes]:
    """Return the bodies of the mobile operators of a number's country; one of them, always the same, is identified.

    Args:
        mobile_number: in E.164 form.

    Raises:
        ErrorResponse: no such country, or no operator in it (1005006).
    """
    try:
        number = phonenumbers.parse(mobile_number)
    except phonenumbers.NumberParseException:
        raise ErrorResponse(ErrorCode.OPERATOR_NOT_FOUND) from None
    # Numbers reserved for examples belong to no region of a shared calling code, so its main region is used.
    region = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(
        number.country_code or 0
    )
    country = ALPHA_3.get(region)
    found = [] if country is None else _operators_of(_MOBILE, None, country)
    if not found:
        raise ErrorResponse(ErrorCode.OPERATOR_NOT_FOUND)
    identified = found[int(mobile_number[1:]) % len(found)]
    return [
        encode(LookupOperator(**dict(operator), identified=operator is identified))
        for operator in sorted(found, key=lambda operator: operator is not identified)
    ]


def _get(bodies: Mapping[K, bytes], key: K, code: ErrorCode) -> bytes:
    body = bodies.get(key)
    if body is None:
        raise ErrorResponse(code)
    return body
