"""Generates the catalogue of an account of real size: 20,000 products of 875 operators in 166 countries; pure.

The products of the small catalogue are part of it. The same seed generates the same catalogue. What lists are filtered
by is generated at once, a product only when it is asked for.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import chain, count, islice
from random import Random
from typing import Final

from bulk_topup.domain.countries import COUNTRIES as ISO_3166
from bulk_topup.dvs.models.catalogue import Country, Operator
from bulk_topup.sandbox.catalogue.currencies import CURRENCIES
from bulk_topup.sandbox.catalogue.drafts import KIND_NAMES, WALLETS, Kind, Seller
from bulk_topup.sandbox.catalogue.entries import ALPHA_3, Entry, entry_of
from bulk_topup.sandbox.catalogue.operators import COUNTRIES, OPERATORS
from bulk_topup.sandbox.catalogue.portfolios import portfolio, spare_data
from bulk_topup.sandbox.catalogue.products import PRODUCTS

PRODUCTS_IN_ALL: Final = 20_000
OPERATORS_IN_ALL: Final = 875
#: Mobile operators that have no product, as some that DVS knows.
WITHOUT_PRODUCT: Final = 24

#: IDs of generated operators and products start above those of the small catalogue.
_FIRST_OPERATOR: Final = 6001
_FIRST_PRODUCT: Final = 20_001
#: The share of each kind of seller that is not a mobile operator, of all.
_OTHER_SELLERS: Final = ((Kind.UTILITY, 130), (Kind.GIFT_CARD, 149), (Kind.ESIM, 20))
_FIRST_WORDS: Final = (
    *("Amber", "Basalt", "Cedar", "Delta", "Ember", "Falcon", "Garnet", "Harbour", "Indigo", "Juniper", "Kestrel"),
    *("Lagoon", "Maple", "Nimbus", "Opal", "Pampas", "Quartz", "River", "Saffron", "Tundra", "Umber", "Velvet"),
    *("Willow", "Yarrow", "Zephyr"),
)


def generate(seed: int) -> tuple[Sequence[Entry], Sequence[Operator]]:
    """Return the entries, ordered by ID, and the operators, also those without a product."""
    draws = Random(f"real-size {seed}")  # noqa: S311 - no secret
    sellers = list(_sellers(draws))
    mobile = [seller for seller in sellers if seller.kind is Kind.MOBILE]
    without_product = {seller.operator.id for seller in draws.sample(mobile, WITHOUT_PRODUCT)}
    stocked = [seller for seller in sellers if seller.operator.id not in without_product]
    drafts = chain.from_iterable(portfolio(seller, draws) for seller in stocked)
    spares = (
        spare_data(seller, number, draws) for number in count(1) for seller in stocked if seller.kind is Kind.MOBILE
    )
    wanted = islice(chain(drafts, spares), PRODUCTS_IN_ALL - len(PRODUCTS))
    generated = [draft.entry(id_) for id_, draft in enumerate(wanted, start=_FIRST_PRODUCT)]
    return [*map(entry_of, PRODUCTS), *generated], [*OPERATORS.values(), *(seller.operator for seller in sellers)]


def _sellers(draws: Random) -> Iterator[Seller]:
    """Yield the generated operators: at least one mobile operator in every country, and the others spread at random."""
    countries = _countries()
    kinds = [kind for kind, number in _OTHER_SELLERS for _ in range(number)]
    mobile = OPERATORS_IN_ALL - len(OPERATORS) - len(kinds) - len(countries)
    places = [(code, Kind.MOBILE) for code in countries]
    places += [(draws.choice(tuple(countries)), kind) for kind in (*[Kind.MOBILE] * mobile, *kinds)]
    for id_, (alpha_2, kind) in enumerate(places, start=_FIRST_OPERATOR):
        country = countries[alpha_2]
        unit, rate = CURRENCIES[alpha_2]
        name = f"{draws.choice(_FIRST_WORDS)} {KIND_NAMES[kind]} {country.name} {id_}"
        yield Seller(
            operator=Operator(id=id_, name=name, country=country),
            kind=kind,
            unit=unit,
            rate=rate,
            step=_round_step(rate),
            wallet=_wallet(unit, draws),
        )


def _countries() -> dict[str, Country]:
    """Return the countries by ISO 3166-1 alpha-2 code; those of the small catalogue as they are there."""
    names = {country.alpha_2: country for country in ISO_3166}
    return {
        code: COUNTRIES.get(ALPHA_3[code]) or Country(iso_code=ALPHA_3[code], name=names[code].name)
        for code in CURRENCIES
    }


def _round_step(rate: Decimal) -> Decimal:
    """Return about a US dollar, as a round amount: 1, 2 or 5 and zeros."""
    digits = rate.adjusted()
    leading = rate.scaleb(-digits)
    return Decimal(next(round_ for round_ in (5, 2, 1) if leading >= round_)).scaleb(digits)


def _wallet(unit: str, draws: Random) -> str:
    """Return the currency in which an operator is paid: mostly its own if there is a wallet in it, else mostly USD."""
    if unit in WALLETS and draws.random() < 0.8:
        return unit
    return "EUR" if draws.random() < 0.1 else "USD"
