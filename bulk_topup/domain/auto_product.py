"""Define which products may be chosen for a row that names none, and which of several is; pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bulk_topup.dvs.models.product import ProductType

#: The service of mobile operators, the only one with these subservices.
MOBILE_SERVICE: Final = 1
#: More operators than an account has.
MAX_NAMED_OPERATORS: Final = 10_000

_CURRENCY: Final = re.compile("[A-Z]{3}")


class Subservice(StrEnum):
    """What mobile operators sell."""

    AIRTIME = "airtime"
    BUNDLE = "bundle"
    DATA = "data"


#: The IDs that DVS has for them.
SUBSERVICE_IDS: Final[Mapping[Subservice, int]] = {Subservice.AIRTIME: 11, Subservice.BUNDLE: 12, Subservice.DATA: 13}


class AmountMatch(StrEnum):
    """Which amount a product has to give."""

    #: The row's amount.
    EXACT = "exact"
    #: The row's amount, or else the largest one below it.
    AT_OR_BELOW = "at_or_below"


#: Preferences, beside currencies of the price.
RANGED: Final = "ranged"
FIXED: Final = "fixed"
CHEAPEST: Final = "cheapest"


def _check_preference(text: str) -> str:
    if text not in {RANGED, FIXED, CHEAPEST} and not _CURRENCY.fullmatch(text):
        raise ValueError(f'"{text}" is no preference. Choose ranged, fixed, cheapest, or a currency such as EUR.')
    return text


def _folded(name: str) -> str:
    """Return an operator's name in the form that is compared: however its letters are encoded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


class AutoProduct(BaseModel):
    """Which products of the number's operator may be chosen for the row's amount."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Only products of this service, by its ID; 1 is mobile.
    service_id: int = Field(default=MOBILE_SERVICE, ge=1)
    #: Only products of this subservice, by its ID, instead of `subservices`.
    subservice_id: int | None = Field(default=None, ge=1)
    #: Only products of this type. PINs are never chosen without it.
    type: ProductType | None = None
    #: Only products with all these benefits, e.g. "TALKTIME".
    benefit_types: tuple[str, ...] = ()
    #: Only these products of mobile operators: airtime, bundle, data. Of other services, all.
    subservices: Annotated[tuple[Subservice, ...], Field(min_length=1)] = (Subservice.AIRTIME,)
    #: Which of several products is chosen, the first preference first: ranged, fixed, cheapest, or a currency of the
    #: price such as EUR.
    prefer: tuple[Annotated[str, AfterValidator(_check_preference)], ...] = ()
    #: Whether a product gives exactly the row's amount, or else the largest amount below it.
    amounts: AmountMatch = AmountMatch.EXACT
    #: The product of each operator, by its ID or its name; it is chosen before all others.
    products: Annotated[Mapping[str, int], Field(max_length=MAX_NAMED_OPERATORS)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_subservices(self) -> Self:
        is_set = "subservices" in self.model_fields_set and self.subservices != (Subservice.AIRTIME,)
        if is_set and self.subservice_id is not None:
            raise ValueError("[auto_product] has subservice_id or subservices, not both. Remove one of them.")
        if is_set and self.service_id != MOBILE_SERVICE:
            raise ValueError("subservices are those of mobile operators. Use subservice_id for another service.")
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        named: dict[str, int] = {}
        for key, product in self.products.items():
            if named.setdefault(_folded(key), product) != product:
                raise ValueError(f'products names two products for "{key.strip()}". Remove one of them.')
        return self

    @property
    def subservice_ids(self) -> frozenset[int] | None:
        """The subservices of which products may be chosen; None for all of the service."""
        if self.subservice_id is not None:
            return frozenset({self.subservice_id})
        if self.service_id != MOBILE_SERVICE:
            return None
        return frozenset(SUBSERVICE_IDS[each] for each in self.subservices)

    @property
    def wording(self) -> str:
        """What may be chosen, for messages: `airtime product`, or just `product`."""
        if self.service_id != MOBILE_SERVICE or self.subservice_id is not None:
            return "product"
        return f"{' or '.join(self.subservices)} product"

    def product_of(self, operator_id: int, name: str) -> int | None:
        """Return the product that `products` names for an operator; None if it names none."""
        by_id = self.products.get(str(operator_id))
        if by_id is not None:
            return by_id
        folded = _folded(name)
        return next((product for key, product in self.products.items() if _folded(key) == folded), None)

    def names_without(self, operators: Iterable[tuple[int, str]]) -> tuple[str, ...]:
        """Return the keys of `products` that name none of these operators.

        Args:
            operators: their IDs and names.
        """
        known = {text for id_, name in operators for text in (str(id_), _folded(name))}
        return tuple(key for key in self.products if key not in known and _folded(key) not in known)
