"""Rows of every kind of credit party and amount, what each asks of DVS, and answers that contradict it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from itertools import product
from typing import Any

from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.sandbox.catalogue.products import PRODUCTS
from bulk_topup.sandbox.provider.pricing import Quote, quote

SOURCE, DESTINATION = CalculationMode.SOURCE_AMOUNT, CalculationMode.DESTINATION_AMOUNT
SIDES = {SOURCE: "source", DESTINATION: "destination"}
#: The columns of the list, by the fields of the request.
COLUMNS = {
    "reference": "reference",
    "product_id": "product",
    "amount": "amount",
    "mobile_number": "phone",
    "account_number": "account",
    "account_qualifier": "account qualifier",
    "bill": "bill reference",
}
#: The last digits of a number that the sandbox declines, and of one that is paid.
BARRED, PAID = "103", "555"

_PRODUCTS = {product.id: product for product in PRODUCTS}


class Fate(Enum):
    """What happens to a row's transaction, and what DVS says of it during the first start."""

    #: Paid, and nothing else.
    COMPLETED = auto()
    #: Declined.
    FAILED = auto()
    #: Not final for as long as the first start runs.
    OPEN = auto()
    #: Answers contradict the request during the first start.
    CONFLICT = auto()
    #: Not final for as long as the first start runs, then reversed.
    REVERSED_UNSEEN = auto()
    #: Completed in the first start, and reversed after it.
    REVERSED_LATER = auto()

    @property
    def is_open(self) -> bool:
        """Whether the first start ends before DVS says that it is final."""
        return self in {Fate.OPEN, Fate.REVERSED_UNSEEN}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of row: a product with an amount or without, and a credit party or none."""

    product: int
    #: The requested amount by calculation mode, with its unit; empty for a fixed product.
    amounts: Mapping[CalculationMode, tuple[str, str]]
    #: The credit party by field; `{}` are five digits, of which the last three decide the outcome.
    party: Mapping[str, str]
    #: What an answer that contradicts the request has otherwise.
    contradicted: str
    has_bill: bool = False

    @property
    def has_number(self) -> bool:
        """Whether it has a number, by which the sandbox decides the outcome."""
        return bool({"mobile_number", "account_number"} & set(self.party))


#: Every kind of credit party, with an amount on either side or without one, paid from one wallet.
ONE_WALLET: Mapping[str, Kind] = {
    "number": Kind(
        product=6418,
        amounts={DESTINATION: ("5", "SGD"), SOURCE: ("4.5", "USD")},
        party={"mobile_number": "+65951{}"},
        contradicted="mobile_number",
    ),
    "number without amount": Kind(
        product=3411, amounts={}, party={"mobile_number": "+5939912{}"}, contradicted="mobile_number"
    ),
    "account": Kind(
        product=9240,
        amounts={DESTINATION: ("5000", "COP"), SOURCE: ("1.25", "USD")},
        party={"account_number": "AV-7{}"},
        contradicted="account_number",
    ),
    "account and qualifier": Kind(
        product=9105,
        amounts={DESTINATION: ("500.5", "KES"), SOURCE: ("3.75", "USD")},
        party={"account_number": "KP{}", "account_qualifier": "Meter A"},
        contradicted="account_qualifier",
        has_bill=True,
    ),
    "account and qualifier without amount": Kind(
        product=9550,
        amounts={},
        party={"account_number": "OE{}", "account_qualifier": "Blue"},
        contradicted="account_number",
    ),
    "number, account and qualifier": Kind(
        product=9550,
        amounts={},
        party={"mobile_number": "+65952{}", "account_number": "OF{}", "account_qualifier": "Red"},
        contradicted="account_number",
    ),
    "ICCID": Kind(
        product=9560, amounts={}, party={"account_number": "89000100000000{}"}, contradicted="account_number"
    ),
    "qualifier": Kind(
        product=9565, amounts={}, party={"account_qualifier": "Gate {}"}, contradicted="account_qualifier"
    ),
    "nobody without amount": Kind(product=8803, amounts={}, party={}, contradicted="product"),
}
#: The same, and kinds that are paid from a wallet in another currency.
TWO_WALLETS: Mapping[str, Kind] = {
    **ONE_WALLET,
    "nobody": Kind(
        product=8810, amounts={DESTINATION: ("15", "EUR"), SOURCE: ("20", "EUR")}, party={}, contradicted="amount"
    ),
    "number without amount, in EUR": Kind(
        product=4460, amounts={}, party={"mobile_number": "+336123{}"}, contradicted="mobile_number"
    ),
}


@dataclass(frozen=True, kw_only=True)
class MatrixRow:
    """One row of a list, with what it asks and its fate."""

    number: int
    kind: Kind
    fate: Fate
    side: CalculationMode

    @property
    def party(self) -> dict[str, str]:
        """Its credit party by field; empty if it credits nobody."""
        digits = f"{self.number:02}{BARRED if self.fate is Fate.FAILED else PAID}"
        return {name: pattern.format(digits) for name, pattern in self.kind.party.items()}

    @property
    def bill(self) -> str:
        """The reference of its bill; empty without one."""
        return f"B-{self.number}" if self.kind.has_bill else ""

    @property
    def line(self) -> str:
        """Its line of the list."""
        amount, _ = self.kind.amounts.get(self.side, ("", ""))
        cells = {
            **dict.fromkeys(COLUMNS, ""),
            **self.party,
            "reference": f"R-{self.number}-x",
            "product_id": str(self.kind.product),
            "amount": amount,
            "bill": self.bill,
        }
        return ",".join(cells.values())

    @property
    def request(self) -> dict[str, Any]:
        """What DVS must be asked for: all of the request's body that decides who gets what."""
        body: dict[str, Any] = {"product_id": self.kind.product}
        if self.kind.amounts:
            amount, unit = self.kind.amounts[self.side]
            body["calculation_mode"] = self.side.value
            body[SIDES[self.side]] = {"unit_type": "CURRENCY", "unit": unit, "amount": Decimal(amount)}
        if self.party:
            body["credit_party_identifier"] = self.party
        if self.bill:
            body["statement_identifier"] = {"reference": self.bill}
        return body

    @property
    def quote(self) -> Quote:
        """What the sandbox asks for it."""
        amount, _ = self.kind.amounts.get(self.side, ("", ""))
        return quote(_PRODUCTS[self.kind.product], (self.side, Decimal(amount)) if amount else None)

    @property
    def counted(self) -> tuple[str, Decimal]:
        """The amount that caps count, with its unit before it."""
        if self.kind.amounts:
            amount, unit = self.kind.amounts[self.side]
            return unit, Decimal(amount)
        quote_ = self.quote
        is_source = self.side is SOURCE
        side = quote_.product.source if is_source else quote_.product.destination
        return side.unit, quote_.source if is_source else quote_.destination

    def contradict(self, answer: dict[str, Any]) -> None:
        """Change an answer of DVS so that it is about another payment than the row's."""
        name = self.kind.contradicted
        if name == "product":
            answer["product"] = {"id": 1}
        elif name == "amount":
            answer["requested_values"][SIDES[self.side]]["amount"] += 1
        else:
            party = answer["credit_party_identifier"]
            party[name] = f"{party[name][:-1]}{'6' if party[name][-1] != '6' else '7'}"


def rows_of(kinds: Mapping[str, Kind], side: CalculationMode) -> list[MatrixRow]:
    """Return a row of every kind for every other fate that it can have; rows in conflict have others between them."""
    pairs = [
        (kind, fate)
        for kind, fate in product(kinds.values(), Fate)
        if fate is not Fate.COMPLETED and (kind.has_number or fate is not Fate.FAILED)
    ]
    return [MatrixRow(number=number, kind=kind, fate=fate, side=side) for number, (kind, fate) in enumerate(pairs)]


def further_rows(rows: list[MatrixRow]) -> list[MatrixRow]:
    """Return one more row of every kind, which is paid."""
    kinds = list({id(row.kind): row.kind for row in rows}.values())
    return [
        MatrixRow(number=number, kind=kind, fate=Fate.COMPLETED, side=rows[0].side)
        for number, kind in enumerate(kinds, start=len(rows))
    ]
