"""Chooses the product of each row by its number's operator and its amount; asks the provider and the ledger.

A row's identity is its reference, so that a choice which comes out otherwise the next time never makes another row of
it. What the run chose before stays as long as number and amount do.
"""

import asyncio
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import msgspec
import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.identity import reference_identity
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.catalogue import LookupOperator
from bulk_topup.dvs.models.product import FixedProduct, Product, RangedProduct
from bulk_topup.ledger import ChosenProduct, LedgerStore

#: Stands for the column of the product that is chosen.
CHOSEN: Final = "(chosen by number and amount)"
#: Numbers that are asked for at once; the client's limiter paces them.
LOOK_UPS: Final = 16
#: Products that a message names.
NAMED_PRODUCTS: Final = 5

#: Values of a problem as it is staged, column and message; a third says that another row may pay the same.
_FLAGGED: Final = 2

_PROBLEMS: Final = pl.List(pl.Struct({"column": pl.String, "message": pl.String}))


def fitting(products: Iterable[Product], mode: CalculationMode, amount: Decimal, currency: str | None) -> list[Product]:
    """Give the products that give exactly this amount.

    Args:
        products: among which.
        mode: which side the amount is stated for.
        amount: what the row asks for.
        currency: in which unit; None where the list does not say.
    """
    return [product for product in products if _fits(product, mode, amount, currency)]


def _fits(product: Product, mode: CalculationMode, amount: Decimal, currency: str | None) -> bool:
    if not isinstance(product, FixedProduct | RangedProduct):
        return False
    side = product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination
    if currency is not None and side.unit != currency:
        return False
    if isinstance(product, FixedProduct):
        return amount == (product.source if side is product.source else product.destination).amount
    modes = product.accepted_calculation_modes
    bounds = product.source.amount if side is product.source else product.destination.amount
    if modes and mode not in modes:
        return False
    if (bounds.min is not None and amount < bounds.min) or (bounds.max is not None and amount > bounds.max):
        return False
    return not bounds.increment or (amount - (bounds.min or Decimal(0))) % bounds.increment == 0


class Chooser:
    """Fills in the products of a list's rows, batch by batch.

    Args:
        dvs: where numbers and products are looked up.
        ledger: what the run chose before; None for nothing.
        run: the run, None for one that does not exist yet.
        policy: among which products.
        mode: which side amounts are stated for.
        allow_duplicates: whether one number may be paid more than once in the list.
    """

    def __init__(
        self,
        *,
        dvs: AsyncDVS,
        ledger: LedgerStore | None,
        run: Run | None,
        policy: AutoProduct,
        mode: CalculationMode,
        allow_duplicates: bool,
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._run = run
        self._policy = policy
        self._mode = mode
        self._allow_duplicates = allow_duplicates
        #: The number's own operator, or why there is none.
        self._operators: dict[str, LookupOperator | str] = {}
        self._products: dict[int, list[Product]] = {}
        self._first_lines: dict[str, int] = {}

    async def choose(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the frame with a product for each row, or a problem where no product or several could be meant."""
        empty = [None] * frame.height
        numbers, amounts, currencies, references = (
            frame[field].to_list() if field in frame.columns else empty
            for field in (fields.CREDIT_MOBILE, fields.AMOUNT, fields.CURRENCY, fields.REFERENCE)
        )
        rows = list(zip(numbers, amounts, currencies, references, strict=True))
        known = self._known(references)
        kept = [_kept(known, *row) for row in rows]
        await self._look_up({row[0] for row, product in zip(rows, kept, strict=True) if row[0] and product is None})
        chosen: list[str | None] = []
        problems: list[list[dict[str, str]]] = []
        for (number, amount, currency, _), before in zip(rows, kept, strict=True):
            product = before if before is not None else self._choice(number, amount, currency)
            chosen.append(str(product) if isinstance(product, int) else None)
            problems.append([{"column": CHOSEN, "message": product}] if isinstance(product, str) else [])
        added = pl.Series(problems, dtype=_PROBLEMS)
        return frame.with_columns(
            pl.Series(fields.PRODUCT_ID, chosen, dtype=pl.String),
            problems=pl.col("problems").fill_null([]).list.concat(added),
        )

    def without_repeats(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Refuse rows that pay a number again, with whatever product: for its amount another one may be chosen."""
        if self._allow_duplicates:
            return rows
        repeats: dict[int, str] = {}
        for place, (line, party, problems) in enumerate(rows.select("line", "credit_party", "problems").iter_rows()):
            first = line if party is None else self._first_lines.setdefault(party, line)
            found = [] if first == line else msgspec.json.decode(problems)
            # One that repeats the product, too, says so already.
            if first != line and not any(len(problem) > _FLAGGED for problem in found):
                text = f"Line {first} already pays {party}; remove one of them, or state --allow-duplicates."
                repeats[place] = msgspec.json.encode([*found, ["", text, 1]]).decode()
        if not repeats:
            return rows
        is_repeat = pl.Series([place in repeats for place in range(rows.height)])
        problems_now = [repeats.get(place, problems) for place, problems in enumerate(rows["problems"])]
        nothing = [
            pl.when(is_repeat).then(None).otherwise(pl.col(name)).alias(name)
            for name in ("request", "cost", "cost_unit")
        ]
        state = pl.when(is_repeat).then(pl.lit(RowState.REFUSED.value)).otherwise(pl.col("state"))
        return rows.with_columns(pl.Series("problems", problems_now), *nothing, state=state)

    def _known(self, references: Iterable[str | None]) -> Mapping[str, ChosenProduct]:
        if self._run is None or self._ledger is None:
            return {}
        return self._ledger.product_choices.find(self._run, [reference_identity(each) for each in references if each])

    async def _look_up(self, numbers: set[str]) -> None:
        """Ask whose numbers these are, some at a time, and what those operators have."""
        wanted = sorted(numbers - self._operators.keys())
        for start in range(0, len(wanted), LOOK_UPS):
            some = wanted[start : start + LOOK_UPS]
            answers = await asyncio.gather(*map(self._operator_of, some), return_exceptions=True)
            for number, answer in zip(some, answers, strict=True):
                if isinstance(answer, BaseException):
                    raise answer
                self._operators[number] = answer
        operators = {each.id for each in self._operators.values() if isinstance(each, LookupOperator)}
        for operator_id in sorted(operators - self._products.keys()):
            policy = self._policy
            pages = self._dvs.products.list(
                operator_id=operator_id,
                type=policy.type,
                service_id=policy.service_id,
                subservice_id=policy.subservice_id,
                benefit_types=list(policy.benefit_types) or None,
            )
            self._products[operator_id] = [product async for product in pages]

    async def _operator_of(self, number: str) -> LookupOperator | str:
        found = [each async for each in self._dvs.lookup.mobile_number(number, post=True) if each.identified]
        if len(found) == 1:
            return found[0]
        return f"Whose number {number} is, the provider does not know; state the row's product in a column."

    def _choice(self, number: str | None, amount: str | None, currency: str | None) -> int | str:
        """Give the row's product, or why it has none."""
        if number is None or amount is None:
            return "A product is chosen by number and amount, and the row needs both; fill them in."
        operator = self._operators[number]
        if isinstance(operator, str):
            return operator
        found = fitting(self._products[operator.id], self._mode, Decimal(amount), currency)
        if len(found) == 1:
            return found[0].id
        asked = f"{format_plain(Decimal(amount))} {currency}" if currency else format_plain(Decimal(amount))
        if not found:
            return f"{operator.name} has no product that gives {asked}; correct the amount, or widen [auto_product]."
        named = ", ".join(str(product.id) for product in found[:NAMED_PRODUCTS])
        return f"Several products of {operator.name} give {asked}: {named}; state a currency, or narrow [auto_product]."


def _kept(
    known: Mapping[str, ChosenProduct],
    number: str | None,
    amount: str | None,
    currency: str | None,
    reference: str | None,
) -> int | None:
    """Give what was chosen for the row before, if it asks for the same still."""
    if number is None or amount is None or reference is None:
        return None
    before = known.get(reference_identity(reference))
    if before is None or before.credit_party != number or before.amount != Decimal(amount):
        return None
    return before.product_id if currency in {None, before.unit} else None
