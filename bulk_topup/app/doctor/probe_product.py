"""Chooses the product of a probe, and creates its requests with DVS's test numbers; lists products."""

from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import phonenumbers

from bulk_topup.domain.countries import find_country
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import FixedProduct, Product, ProductType, RangedProduct
from bulk_topup.errors import ConfigurationError

#: Most pages of products that are read of each type.
MAX_PAGES: Final = 3
#: Only the last digits of a test number decide.
_END: Final = 3
_OTHERS: Final = ("debit_party_identifier", "sender", "beneficiary", "statement_identifier", "additional_identifier")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeRequest:
    """A product and the start of numbers that it takes."""

    product_id: int
    #: An example number of the product's country without its last digits.
    number_start: str
    #: The currency of the product's wholesale price.
    price_unit: str | None
    #: For a ranged product, its smallest amount with the unit; None for a fixed one.
    destination: dict[str, Any] | None

    def body(self, external_id: str, end: str, *, auto_confirm: bool) -> dict[str, Any]:
        """Return the body of a creation for the test number with an end."""
        body: dict[str, Any] = {
            "external_id": external_id,
            "product_id": self.product_id,
            "auto_confirm": auto_confirm,
            **self.other_party(end),
        }
        if self.destination is not None:
            body |= {"calculation_mode": CalculationMode.DESTINATION_AMOUNT, "destination": self.destination}
        return body

    def other_party(self, end: str) -> dict[str, Any]:
        """Return the credit party with an end."""
        return {"credit_party_identifier": {"mobile_number": f"{self.number_start}{end}"}}


async def choose_request(dvs: AsyncDVS) -> ProbeRequest:
    """Return a request for a mobile top-up that needs a number alone: a ranged product, else a fixed one.

    Raises:
        ConfigurationError: the account has no such product.
        DVSError: the products can't be read.
    """
    for type_ in (ProductType.RANGED_VALUE_RECHARGE, ProductType.FIXED_VALUE_RECHARGE):
        read = 0
        async with aclosing(dvs.products.list(type=type_).pages()) as pages:
            async for page in pages:
                for product in page.items:
                    if (request := _request_of(product)) is not None:
                        return request
                read += 1
                if read == MAX_PAGES:
                    break
    raise ConfigurationError("The account has no mobile top-up that needs a mobile number alone, so nothing is probed.")


def _request_of(product: Product) -> ProbeRequest | None:
    if not isinstance(product, FixedProduct | RangedProduct):
        return None
    needs_others = any(any(getattr(product, f"required_{group}_fields") or ()) for group in _OTHERS)
    alternatives = product.required_credit_party_identifier_fields or []
    country = find_country(product.operator.country.iso_code)
    if needs_others or ["mobile_number"] not in alternatives or country is None:
        return None
    example = phonenumbers.example_number_for_type(country.alpha_2, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return None
    destination = None
    if isinstance(product, RangedProduct):
        modes, side = product.accepted_calculation_modes, product.destination
        if modes and CalculationMode.DESTINATION_AMOUNT not in modes:
            return None
        amount = side.amount.min or Decimal(1)
        destination = {"unit_type": side.unit_type, "unit": side.unit, "amount": amount}
    return ProbeRequest(
        product_id=product.id,
        number_start=phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[:-_END],
        price_unit=product.prices.wholesale.unit,
        destination=destination,
    )
