"""Finds products, operators, countries and services, and writes their bodies; touches nothing."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from math import prod
from typing import TypeVar

import msgspec
import phonenumbers

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.catalogue import Country, LookupOperator, Operator
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.changes import Change, changed
from bulk_topup.sandbox.catalogue.entries import (
    ALPHA_3,
    BENEFIT_TYPES,
    MOBILE,
    SORT_KEYS,
    Entry,
    covers,
    has_any,
    is_of,
)
from bulk_topup.sandbox.catalogue.model_bodies import encode
from bulk_topup.sandbox.catalogue.operators import SERVICES
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct
from bulk_topup.sandbox.errors import ErrorResponse

K = TypeVar("K")
V = TypeVar("V")

#: Products that are kept once they are created, and lists that are kept once they are filtered.
_KEPT_PRODUCTS = 2048
_KEPT_LISTS = 64

#: The errors of numbers that can't be looked up, by their last three digits.
LOOKUP_ERRORS: Mapping[str, ErrorCode] = {
    "110": ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID,
    "111": ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR,
    "112": ErrorCode.OPERATOR_NOT_FOUND,
}
#: The last three digits of numbers of which no operator is identified.
UNIDENTIFIED = "113"

_SERVICE_BODIES = {id_: encode(service) for id_, service in SERVICES.items()}
BENEFIT_TYPE_BODIES = [codec.encode({"name": name}) for name in BENEFIT_TYPES]


class Catalogue:
    """What an account can buy, with the changes that have happened to it.

    Args:
        name: its name in books; empty for the small one.
        entries: its products, ordered by ID.
        operators: its operators, also those without a product.
        countries: the countries of all operators.
    """

    def __init__(
        self, name: str, entries: Iterable[Entry], operators: Iterable[Operator], countries: Iterable[Country]
    ) -> None:
        self.name = name
        self.revision = 0
        self._all_entries = {entry.id: entry for entry in entries}
        self._operators = {operator.id: operator for operator in operators}
        self._countries = {country.iso_code: country for country in countries}
        #: The operators that a number of each country can have.
        self._mobile_operators = _mobile_operators(self._all_entries.values(), self._operators)
        self._product = lru_cache(maxsize=_KEPT_PRODUCTS)(self._create)
        self._listed = lru_cache(maxsize=_KEPT_LISTS)(self._find)
        self.set_changes(())

    def set_changes(self, changes: Sequence[Change]) -> None:
        """Set changes instead of those before; the transactions after which they take effect are counted from now."""
        self._changes = changes
        self._transactions = 0
        self._put_into_effect()

    def count_transaction(self) -> None:
        """Count a transaction that was created, after which other changes may take effect."""
        self._transactions += 1
        if any(change.after == self._transactions for change in self._changes):
            self._put_into_effect()

    def report_changes(self) -> list[dict[str, object]]:
        """Return the changes that are set, each with whether it is in effect, as plain values."""
        return [
            {"change": msgspec.to_builtins(change, builtin_types=(Decimal,)), "in_effect": change in self._in_effect}
            for change in self._changes
        ]

    def _put_into_effect(self) -> None:
        self._in_effect = [change for change in self._changes if change.after <= self._transactions]
        #: Increases whenever products change.
        self.revision += 1
        gone = {id_ for change in self._in_effect if change.vanish for id_ in change.products or self._all_entries}
        self._entries = {id_: entry for id_, entry in self._all_entries.items() if id_ not in gone}
        self._by_operator: dict[int, list[Entry]] = {}
        for entry in self._entries.values():
            self._by_operator.setdefault(entry.operator.id, []).append(entry)
        self._product.cache_clear()
        self._listed.cache_clear()

    def amount_factor(self, product_id: int) -> Decimal:
        """Return what the amounts of a product, or of its bills, are multiplied by now."""
        of_product = (each for each in self._in_effect if each.products is None or product_id in each.products)
        return prod((each.amount_factor for each in of_product), start=Decimal(1))

    def product(self, product_id: int) -> AnyProduct:
        """Return a product as it is now; the same object until the changes are others or it was not used for long.

        Raises:
            ErrorResponse: no such product (1003001).
        """
        if product_id not in self._entries:
            raise ErrorResponse(ErrorCode.PRODUCT_NOT_AVAILABLE)
        return self._product(product_id)

    def any_product(self, product_id: int) -> AnyProduct:
        """Return a product that the catalogue has or had."""
        return self._product(product_id)

    def _create(self, product_id: int) -> AnyProduct:
        product = self._all_entries[product_id].create()
        for change in self._in_effect:
            if change.products is None or product_id in change.products:
                product = changed(product, change)
        return product

    def products(
        self,
        *,
        type_: str | None = None,
        service_id: int | None = None,
        subservice_id: int | None = None,
        country_iso_code: str | None = None,
        operator_id: int | None = None,
        region: str | None = None,
        tags: Iterable[str] = (),
        benefit_types: Iterable[str] = (),
        sort: Iterable[tuple[str, bool]] = (),
    ) -> Sequence[int]:
        """Return the IDs of the products that match every filter, by ID or in another order (reference: Products).

        Args:
            type_: and the following: what a product must match; None and empty match any.
            sort: keys of `SORT_KEYS`, the first one first, each with whether it is reversed.
        """
        return self._listed(
            type_,
            (service_id, subservice_id, country_iso_code, operator_id),
            region,
            (frozenset(tags), frozenset(benefit_types)),
            tuple(sort),
        )

    def _find(
        self,
        type_: str | None,
        belonging: tuple[int | None, int | None, str | None, int | None],
        region: str | None,
        wanted: tuple[frozenset[str], frozenset[str]],
        sort: tuple[tuple[str, bool], ...],
    ) -> Sequence[int]:
        tags, benefit_types = wanted
        matching = [
            entry
            for entry in self._of(*belonging)
            if type_ in {None, entry.type}
            and (region is None or covers(entry, region))
            and has_any(tags, entry.tags)
            and has_any(benefit_types, entry.benefit_types)
        ]
        for key, is_reversed in reversed(sort):
            matching.sort(key=SORT_KEYS[key], reverse=is_reversed)
        return [entry.id for entry in matching]

    def _of(
        self,
        service_id: int | None = None,
        subservice_id: int | None = None,
        country_iso_code: str | None = None,
        operator_id: int | None = None,
    ) -> Iterable[Entry]:
        """Return the entries of a service, subservice, country and operator, ordered by ID; None matches any."""
        candidates: Iterable[Entry] = (
            self._entries.values() if operator_id is None else self._by_operator.get(operator_id, ())
        )
        if service_id is None and country_iso_code is None:
            return candidates
        return [
            entry
            for entry in candidates
            if is_of(
                entry,
                service_id=service_id,
                subservice_id=subservice_id,
                country_iso_code=country_iso_code,
                operator_id=None,
            )
        ]

    def operator_body(self, operator_id: int) -> bytes:
        """Return the body of an operator, or raise ErrorResponse (1005006) (reference: Operators, get)."""
        return encode(_get(self._operators, operator_id, ErrorCode.OPERATOR_NOT_FOUND))

    def operators(
        self, country_iso_code: str | None, service_id: int | None, subservice_id: int | None
    ) -> Sequence[Operator]:
        """Return the operators of the products that match every filter, by ID (reference: Operators, list)."""
        found = {entry.operator.id: entry.operator for entry in self._of(service_id, subservice_id, country_iso_code)}
        return [found[id_] for id_ in sorted(found)]

    def country_body(self, iso_code: str) -> bytes:
        """Return the body of a country, or raise ErrorResponse (1005005) (reference: Countries, get)."""
        return encode(_get(self._countries, iso_code, ErrorCode.COUNTRY_NOT_FOUND))

    def countries(self, service_id: int | None, subservice_id: int | None) -> Sequence[Country]:
        """Return the countries of the products that match every filter, by code (reference: Countries, list)."""
        codes = {entry.operator.country.iso_code for entry in self._of(service_id, subservice_id)}
        return [self._countries[code] for code in sorted(codes)]

    def service_bodies(self, country_iso_code: str | None) -> list[bytes]:
        """Return the bodies of all services, or of those with products in a country (reference: Services, list)."""
        if country_iso_code is None:
            return list(_SERVICE_BODIES.values())
        ids = {entry.service.id for entry in self._of(country_iso_code=country_iso_code)}
        return [body for id_, body in _SERVICE_BODIES.items() if id_ in ids]

    def lookup_bodies(self, mobile_number: str) -> list[bytes]:
        """Return the bodies of the mobile operators of a number's country; one of them, always the same, is identified.

        Args:
            mobile_number: in E.164 form.

        Raises:
            ErrorResponse: no such country, or no operator in it (1005006), or an error of `LOOKUP_ERRORS`.
        """
        suffix = mobile_number[-3:]
        if suffix in LOOKUP_ERRORS:
            raise ErrorResponse(LOOKUP_ERRORS[suffix])
        found = self._mobile_operators.get(_country_of(mobile_number))
        if not found:
            raise ErrorResponse(ErrorCode.OPERATOR_NOT_FOUND)
        identified = None if suffix == UNIDENTIFIED else found[int(mobile_number[1:]) % len(found)]
        return [
            encode(LookupOperator(**dict(operator), identified=operator is identified))
            for operator in sorted(found, key=lambda operator: operator is not identified)
        ]


def service_body(service_id: int) -> bytes:
    """Return the body of a service, or raise ErrorResponse (1005004) (reference: Services, get)."""
    return _get(_SERVICE_BODIES, service_id, ErrorCode.SERVICE_NOT_FOUND)


def _mobile_operators(entries: Iterable[Entry], operators: Mapping[int, Operator]) -> Mapping[str, Sequence[Operator]]:
    """Return the operators of mobile products and those without any product, by country, ordered by ID."""
    services: dict[int, set[int]] = {}
    for entry in entries:
        services.setdefault(entry.operator.id, set()).add(entry.service.id)
    found: dict[str, list[Operator]] = {}
    for id_ in sorted(operators):
        if MOBILE in services.get(id_, {MOBILE}):
            found.setdefault(operators[id_].country.iso_code, []).append(operators[id_])
    return found


def _country_of(mobile_number: str) -> str:
    """Return the country of a number, as ISO 3166-1 alpha-3 code, or raise ErrorResponse (1005006)."""
    try:
        number = phonenumbers.parse(mobile_number)
    except phonenumbers.NumberParseException:
        raise ErrorResponse(ErrorCode.OPERATOR_NOT_FOUND) from None
    # Numbers reserved for examples belong to no region of a shared calling code, so its main region is used.
    region = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(
        number.country_code or 0
    )
    return ALPHA_3.get(region, "")


def _get(values: Mapping[K, V], key: K, code: ErrorCode) -> V:
    value = values.get(key)
    if value is None:
        raise ErrorResponse(code)
    return value
