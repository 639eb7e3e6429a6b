"""Search products and operators by words, amounts and prices, without case and accents, and sort them; pure."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self, TypeVar

from bulk_topup.domain.money import PRECISE
from bulk_topup.domain.product_texts import benefits_text
from bulk_topup.dvs.models.base import Range
from bulk_topup.dvs.models.catalogue import Operator
from bulk_topup.dvs.models.product import FixedProduct, KnownProduct, Product

T = TypeVar("T")

_AMOUNT: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,18})?")
_CURRENCY: Final = re.compile("[a-z]{3}")


def fold(text: str) -> str:
    """Return a text without case and accents, with single spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).split())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Term:
    """A part of a search: a word, an amount, or an amount of a currency."""

    text: str
    amount: Decimal | None = None
    #: In small letters; None for any.
    currency: str | None = None

    def is_in(self, text: str, amounts: Iterable[tuple[str, Decimal | Range | None]]) -> bool:
        """Return True if a folded text has it, or one of the amounts, each with its folded currency, may be it."""
        if self.amount is None:
            return self.text in text
        if self.currency is None and any(Decimal(each) == self.amount for each in _AMOUNT.findall(text)):
            return True
        if self.currency is not None and re.search(rf"(?<![0-9.]){re.escape(self.text)}", text):
            return True
        return any(_may_be(amount, self.amount) for currency, amount in amounts if self.currency in {None, currency})


@dataclass(frozen=True, slots=True)
class Search:
    """What a person looks for: all of its parts have to be found, in any order."""

    terms: tuple[_Term, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a search: words, and numbers that are amounts or prices, with or without a currency."""
        words = fold(text).split()
        terms: list[_Term] = []
        while words:
            word = words.pop(0)
            if not _AMOUNT.fullmatch(word):
                terms.append(_Term(text=word))
            elif words and _CURRENCY.fullmatch(words[0]):
                currency = words.pop(0)
                terms.append(_Term(text=f"{word} {currency}", amount=Decimal(word), currency=currency))
            else:
                terms.append(_Term(text=word, amount=Decimal(word)))
        return cls(tuple(terms))

    def finds(self, item: Product | Operator) -> bool:
        """Return True if a product or an operator has all that is looked for."""
        text = fold(" ".join(_texts(item)))
        amounts = [(fold(unit), amount) for unit, amount in _amounts(item)]
        return all(term.is_in(text, amounts) for term in self.terms)


def _texts(item: Product | Operator) -> Iterator[str]:
    yield str(item.id)
    yield item.name or ""
    operator = item if isinstance(item, Operator) else item.operator
    if operator is not None:
        yield from (operator.name, operator.country.name, operator.country.iso_code)
    if isinstance(item, KnownProduct):
        yield from (item.service.name, item.destination.unit, item.prices.wholesale.unit or "", benefits_text(item))


def _amounts(item: Product | Operator) -> Iterator[tuple[str, Decimal | Range | None]]:
    """Yield what a product gives and what it costs, each with its unit; a range of prices has nearly every number."""
    if isinstance(item, KnownProduct):
        yield item.destination.unit, item.destination.amount
    if isinstance(item, FixedProduct):
        yield item.prices.wholesale.unit or "", item.prices.wholesale.amount


def _may_be(amount: Decimal | Range | None, wanted: Decimal) -> bool:
    """Return True if an amount is the wanted one, or a range has it."""
    if not isinstance(amount, Range):
        return amount == wanted
    low = amount.min or Decimal(0)
    if wanted < low or amount.max is None or wanted > amount.max:
        return False
    return not amount.increment or PRECISE.remainder(PRECISE.subtract(wanted, low), amount.increment) == 0


#: A value to sort by, None where there is none, and the currency that it is in.
_Value = tuple[Any, str]


def _lowest(amount: Decimal | Range | None) -> Decimal | None:
    return amount.min if isinstance(amount, Range) else amount


def _amount_value(product: Product) -> _Value:
    if not isinstance(product, KnownProduct):
        return None, ""
    return _lowest(product.destination.amount), product.destination.unit


def _price_value(product: Product) -> _Value:
    if not isinstance(product, KnownProduct):
        return None, ""
    return _lowest(product.prices.wholesale.amount), product.prices.wholesale.unit or ""


def _name_value(item: Product | Operator) -> _Value:
    return (fold(item.name) if item.name else None), ""


def _id_value(item: Product | Operator) -> _Value:
    return item.id, ""


def _country_value(operator: Operator) -> _Value:
    return fold(operator.country.name), ""


#: What products and operators can be sorted by; a range counts as its smallest amount.
PRODUCT_KEYS: Final[Mapping[str, Callable[[Product], _Value]]] = {
    "id": _id_value,
    "name": _name_value,
    "amount": _amount_value,
    "price": _price_value,
}
OPERATOR_KEYS: Final[Mapping[str, Callable[[Operator], _Value]]] = {
    "id": _id_value,
    "name": _name_value,
    "country": _country_value,
}


def sorted_by(items: Sequence[T], keys: Sequence[str], values: Mapping[str, Callable[[T], _Value]]) -> list[T]:
    """Return items in an order: amounts and prices by currency first, items without a value last.

    Args:
        items: products or operators.
        keys: keys of `values`, the first one first; a minus before one reverses it.
        values: returns the value of an item, by key.
    """
    found = list(items)
    for key in reversed(keys):
        value_of = values[key.removeprefix("-")]
        known = [item for item in found if value_of(item)[0] is not None]
        unknown = [item for item in found if value_of(item)[0] is None]
        known.sort(key=lambda item: value_of(item)[0], reverse=key.startswith("-"))
        known.sort(key=lambda item: value_of(item)[1])
        found = known + unknown
    return found
