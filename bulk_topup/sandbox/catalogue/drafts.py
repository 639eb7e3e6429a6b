"""Drafts of the products of the catalogue of real size, each created when it is asked for; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from functools import partial
from typing import Final

from bulk_topup.domain.money import format_plain
from bulk_topup.dvs.models.base import RequiredFields
from bulk_topup.dvs.models.catalogue import Operator
from bulk_topup.dvs.models.product import (
    Benefit,
    FixedValuePinPurchase,
    FixedValueRecharge,
    PaymentInformation,
    ProductType,
    RangedValuePayment,
    RangedValuePinPurchase,
    RangedValueRecharge,
)
from bulk_topup.sandbox.catalogue.entries import Entry
from bulk_topup.sandbox.catalogue.product_factory import (
    MOBILE,
    RATE,
    AnyProduct,
    fixed_benefit,
    fixed_product,
    ranged_product,
    round_money,
    service_of,
)

#: How much of a wallet's currency is about one US dollar.
WALLETS: Final[Mapping[str, Decimal]] = {
    "USD": Decimal(1),
    "EUR": Decimal("0.92"),
    "GBP": Decimal("0.78"),
    "JPY": Decimal(150),
    "KWD": Decimal("0.307"),
}
_PAYMENT: Final = frozenset({"PAYMENT"})
_CREDITS: Final = frozenset({"CREDITS"})
_DATA: Final = frozenset({"DATA"})
_TALKTIME_AND_DATA: Final = frozenset({"TALKTIME", "DATA"})
_ACCOUNT: Final[RequiredFields] = [["account_number"]]
_ANY_ACCOUNT: Final[RequiredFields] = [["account_number"], ["mobile_number", "account_qualifier"]]


class Kind(Enum):
    """What an operator does."""

    MOBILE = auto()
    UTILITY = auto()
    GIFT_CARD = auto()
    ESIM = auto()


#: The words of operators' names, by kind.
KIND_NAMES: Final[Mapping[Kind, str]] = {
    Kind.MOBILE: "Mobile",
    Kind.UTILITY: "Utilities",
    Kind.GIFT_CARD: "Stores",
    Kind.ESIM: "eSIM",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Seller:
    """An operator, and the money that it deals in."""

    operator: Operator
    kind: Kind
    #: The currency of the destination, and how much of it is about one US dollar.
    unit: str
    rate: Decimal
    #: About a US dollar, as a round amount.
    step: Decimal
    #: The currency of the prices.
    wallet: str

    def pin_fields(self) -> RequiredFields | None:
        """Return what its PINs require: for some operators a number to send them to."""
        return MOBILE if self.kind is Kind.MOBILE and self.operator.id % 2 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A product that is not created yet; a range has `high`."""

    seller: Seller
    type: ProductType
    service: tuple[int, int | None]
    text: str
    low: Decimal
    high: Decimal | None = None
    increment: Decimal = Decimal(0)
    wallet: str = ""
    percent: int = 100
    #: What a bundle or data contain; 0 for credit.
    gigabytes: int = 0
    minutes: int = 0

    def entry(self, id_: int) -> Entry:
        """Return the entry of the product with an ID."""
        return Entry(
            id=id_,
            name=f"{self.seller.operator.name} {self.text}",
            type=self.type,
            service=service_of(*self.service),
            operator=self.seller.operator,
            amount=self.low,
            benefit_types=self._benefit_types(),
            create=partial(self._create, id_),
        )

    def _benefit_types(self) -> frozenset[str]:
        if self.type is ProductType.RANGED_VALUE_PAYMENT:
            return _PAYMENT
        return _TALKTIME_AND_DATA if self.minutes else _DATA if self.gigabytes else _CREDITS

    def _benefits(self) -> list[Benefit]:
        found = []
        if self.minutes:
            found.append(fixed_benefit("TALKTIME", "TIME", "MINUTE", str(self.minutes)))
        if self.gigabytes:
            found.append(fixed_benefit("DATA", "DATA", "GB", str(self.gigabytes)))
        return found

    def _create(self, id_: int) -> AnyProduct:
        name = f"{self.seller.operator.name} {self.text}"
        wallet = self.wallet or self.seller.wallet
        # Of the destination's currency, for one of the wallet's.
        base = RATE.divide(self.seller.rate, WALLETS[wallet])
        if self.high is None:
            return self._fixed(id_, name, wallet, base)
        return self._ranged(id_, name, wallet, base, self.high)

    def _fixed(self, id_: int, name: str, wallet: str, base: Decimal) -> AnyProduct:
        value = RATE.divide(self.low, base)
        is_pin = self.type is ProductType.FIXED_VALUE_PIN_PURCHASE
        model: type[FixedValuePinPurchase | FixedValueRecharge] = (
            FixedValuePinPurchase if is_pin else FixedValueRecharge
        )
        return fixed_product(
            model,
            id_,
            name,
            operator=self.seller.operator,
            service=self.service,
            destination=f"{format_plain(self.low)} {self.seller.unit}",
            source=f"{round_money(value, wallet)} {wallet}",
            wholesale=f"{round_money(value * self.percent / 100, wallet)} {wallet}",
            benefits=self._benefits(),
            required_credit_party_identifier_fields=self.seller.pin_fields() if is_pin else MOBILE,
        )

    def _ranged(self, id_: int, name: str, wallet: str, base: Decimal, high: Decimal) -> AnyProduct:
        create = partial(
            ranged_product,
            id_=id_,
            name=name,
            operator=self.seller.operator,
            service=self.service,
            unit=self.seller.unit,
            limits=(format_plain(self.low), format_plain(high), format_plain(self.increment)),
            cost_unit=wallet,
            base=format_plain(base),
            wholesale=format_plain(RATE.divide(base * 100, self.percent)),
        )
        if self.type is ProductType.RANGED_VALUE_PAYMENT:
            account = _ANY_ACCOUNT if id_ % 4 == 0 else _ACCOUNT
            product = create(
                RangedValuePayment, benefit_type="PAYMENT", required_credit_party_identifier_fields=account
            )
            return self._with_inquiry(id_, product)
        is_pin = self.type is ProductType.RANGED_VALUE_PIN_PURCHASE
        model: type[RangedValuePinPurchase | RangedValueRecharge]
        model = RangedValuePinPurchase if is_pin else RangedValueRecharge
        return create(model, required_credit_party_identifier_fields=self.seller.pin_fields() if is_pin else MOBILE)

    def _with_inquiry(self, id_: int, product: RangedValuePayment) -> RangedValuePayment:
        """Return a product for bills, with statement inquiry if its operator has that."""
        if self.seller.operator.id % 3:
            return product
        payment = PaymentInformation(
            modes=["EXACT"] if id_ % 2 else ["PARTIAL", "EXACT", "EXCESS", "PAST_DUE"],
            posting_period=product.payment and product.payment.posting_period,
            supports_statement_inquiry=True,
            required_inquiry_fields=_ACCOUNT,
        )
        return product.model_copy(update={"payment": payment})
