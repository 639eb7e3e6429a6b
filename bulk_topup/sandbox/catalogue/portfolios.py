"""The products that an operator of the catalogue of real size sells, drawn by its kind; pure."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Final

from bulk_topup.domain.money import format_plain, smallest_unit
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.sandbox.catalogue.drafts import Draft, Kind, Seller

#: The denominations of fixed products, in steps of about a US dollar.
_DENOMINATIONS: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)
_LARGEST_IN_STEPS: Final = 100
#: Wholesale prices in percent of the delivered value.
_MARGINS: Final = (88, 103)


def portfolio(seller: Seller, draws: Random) -> Iterator[Draft]:
    """Yield what an operator sells."""
    match seller.kind:
        case Kind.MOBILE:
            yield from _mobile(seller, draws)
        case Kind.UTILITY:
            subservices = draws.sample(range(31, 38), draws.randint(1, 4))
            for subservice in subservices:
                yield _range(seller, ProductType.RANGED_VALUE_PAYMENT, (3, subservice), "bill", draws)
        case Kind.GIFT_CARD:
            service = (4, draws.randint(41, 46))
            yield from _cards(seller, service, draws, draws.randint(6, 14))
            if draws.random() < 0.3:
                yield _range(seller, ProductType.RANGED_VALUE_PIN_PURCHASE, service, "gift card", draws)
        case Kind.ESIM:
            for amount in _amounts(seller, draws, 12):
                yield _fixed(seller, (13, None), amount, draws, pin=True, gigabytes=draws.randint(1, 50))


def _mobile(seller: Seller, draws: Random) -> Iterator[Draft]:
    if draws.random() < 0.8:
        yield _range(seller, ProductType.RANGED_VALUE_RECHARGE, (1, 11), "airtime", draws)
    if draws.random() < 0.15:
        wallet = "EUR" if seller.wallet == "USD" else "USD"
        yield _range(seller, ProductType.RANGED_VALUE_RECHARGE, (1, 11), f"airtime in {wallet}", draws, wallet)
    for amount in _amounts(seller, draws, draws.randint(3, 12)):
        yield _fixed(seller, (1, 11), amount, draws)
    for amount in _amounts(seller, draws, draws.randint(3, 10)):
        yield _fixed(seller, (1, 12), amount, draws, gigabytes=draws.randint(1, 20), minutes=draws.randint(1, 20) * 50)
    for amount in _amounts(seller, draws, draws.randint(8, 18)):
        yield _fixed(seller, (1, 13), amount, draws, gigabytes=draws.randint(1, 50))
    if draws.random() < 0.4:
        yield from _cards(seller, (1, 11), draws, draws.randint(3, 8))
    if draws.random() < 0.05:
        yield _range(seller, ProductType.RANGED_VALUE_PIN_PURCHASE, (1, 11), "voucher", draws)


def spare_data(seller: Seller, number: int, draws: Random) -> Draft:
    """Return the data product with which a mobile operator fills the catalogue up for the nth time."""
    amount = seller.step * (_LARGEST_IN_STEPS + number)
    return _fixed(seller, (1, 13), amount, draws, gigabytes=_LARGEST_IN_STEPS + number)


def _cards(seller: Seller, service: tuple[int, int | None], draws: Random, number: int) -> Iterator[Draft]:
    for amount in _amounts(seller, draws, number):
        yield _fixed(seller, service, amount, draws, pin=True)


def _amounts(seller: Seller, draws: Random, number: int) -> Sequence[Decimal]:
    return [seller.step * each for each in sorted(draws.sample(_DENOMINATIONS, number))]


def _fixed(
    seller: Seller,
    service: tuple[int, int | None],
    amount: Decimal,
    draws: Random,
    *,
    pin: bool = False,
    gigabytes: int = 0,
    minutes: int = 0,
) -> Draft:
    volume = f" with {gigabytes} GB" if gigabytes else ""
    return Draft(
        seller=seller,
        type=ProductType.FIXED_VALUE_PIN_PURCHASE if pin else ProductType.FIXED_VALUE_RECHARGE,
        service=service,
        text=f"{'PIN ' if pin else ''}{format_plain(amount)} {seller.unit}{volume}",
        low=amount,
        percent=draws.randint(*_MARGINS),
        gigabytes=gigabytes,
        minutes=minutes,
    )


def _range(
    seller: Seller, type_: ProductType, service: tuple[int, int | None], text: str, draws: Random, wallet: str = ""
) -> Draft:
    return Draft(
        seller=seller,
        type=type_,
        service=service,
        text=text,
        low=seller.step,
        high=seller.step * _LARGEST_IN_STEPS,
        increment=draws.choice((seller.step, max(seller.step / 10, smallest_unit(seller.unit)))),
        wallet=wallet,
        percent=draws.randint(*_MARGINS),
    )
