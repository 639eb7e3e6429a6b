"""Chooses the product of each row by its number's operator and its amount; reads the ledger.

A row's identity is its reference, so another choice later never makes another row of it. The run's earlier choice stays
as long as number and amount do.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import polars as pl

from bulk_topup.app.catalogue import Catalogue, ProductFilter
from bulk_topup.domain import fields
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.identity import folded_reference_identity, reference_identity
from bulk_topup.domain.money import format_money, format_plain
from bulk_topup.domain.problems import Problem, decode_problems, encode_problems
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import APIError
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.catalogue import LookupOperator
from bulk_topup.dvs.models.product import FixedProduct, Product, RangedProduct
from bulk_topup.ledger import ChosenProduct, LedgerStore

#: Stands for the column of the chosen product.
CHOSEN: Final = "(chosen by number and amount)"
#: What to do about a number without an operator.
_INSTEAD: Final = "Correct the number, or pay it by a list with products."
#: Products that a message names.
NAMED_PRODUCTS: Final = 5

_PROBLEMS: Final = pl.List(pl.Struct({"column": pl.String, "message": pl.String}))


def fitting(products: Iterable[Product], mode: CalculationMode, amount: Decimal, currency: str | None) -> list[Product]:
    """Return the products that pay exactly this amount.

    Args:
        products: the products to choose from.
        mode: which side of a product the amount means.
        amount: the row's requested amount, in `currency`.
        currency: its unit; None if the list has none.
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
    """Chooses the products of a list's rows, batch by batch.

    Args:
        catalogue: asks for the operators of numbers, and for their products.
        ledger: an open ledger with the run's earlier choices; None for none.
        run: the run; None for a new one.
        policy: the products to choose from.
        mode: which side of a product amounts mean.
        allow_duplicates: whether the list may pay one number more than once.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        ledger: LedgerStore | None,
        run: Run | None,
        policy: AutoProduct,
        mode: CalculationMode,
        allow_duplicates: bool,
    ) -> None:
        self._catalogue = catalogue
        self._ledger = ledger
        self._run = run
        self._policy = policy
        self._mode = mode
        self._allow_duplicates = allow_duplicates
        #: Each number's operator, or why it is unknown.
        self._operators: dict[str, LookupOperator | str] = {}
        self._products: dict[int, list[Product]] = {}
        self._first_lines: dict[str, int] = {}

    async def choose(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with a product for each row, or with a problem if no product or several ones match."""
        empty = [None] * frame.height
        numbers, amounts, currencies, references = (
            frame[field].to_list() if field in frame.columns else empty
            for field in (fields.CREDIT_MOBILE, fields.AMOUNT, fields.CURRENCY, fields.REFERENCE)
        )
        rows = list(zip(numbers, amounts, currencies, references, strict=True))
        known = self._known(references)
        earlier = [_earlier_choice(known, *row) for row in rows]
        await self._look_up({row[0] for row, product in zip(rows, earlier, strict=True) if row[0] and product is None})
        chosen: list[str | None] = []
        problems: list[list[dict[str, str]]] = []
        for (number, amount, currency, _), before in zip(rows, earlier, strict=True):
            product = before if before is not None else self._choice(number, amount, currency)
            chosen.append(str(product) if isinstance(product, int) else None)
            problems.append([{"column": CHOSEN, "message": product}] if isinstance(product, str) else [])
        added = pl.Series(problems, dtype=_PROBLEMS)
        return frame.with_columns(
            pl.Series(fields.PRODUCT_ID, chosen, dtype=pl.String),
            problems=pl.col("problems").fill_null([]).list.concat(added),
        )

    def refuse_repeats(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows, with those refused that pay a beneficiary again by any product, in any equal spelling."""
        if self._allow_duplicates:
            return rows
        repeats: dict[int, str] = {}
        columns = rows.select("line", "credit_party", "party_key", "problems")
        for index, (line, party, key, problems) in enumerate(columns.iter_rows()):
            first = line if party is None else self._first_lines.setdefault(key, line)
            found = [] if first == line else decode_problems(problems)
            # A duplicate, which repeats the product as well, has its problem already.
            if first != line and not any(problem.may_be_paid for problem in found):
                text = f"Line {first} already pays {party}. Remove one of them, or add --allow-duplicates."
                repeats[index] = encode_problems([*found, Problem(column="", message=text, may_be_paid=True)])
        if not repeats:
            return rows
        is_repeat = pl.Series([index in repeats for index in range(rows.height)])
        all_problems = [repeats.get(index, problems) for index, problems in enumerate(rows["problems"])]
        cleared = [
            pl.when(is_repeat).then(None).otherwise(pl.col(name)).alias(name)
            for name in ("request", "cost", "cost_unit")
        ]
        state = pl.when(is_repeat).then(pl.lit(RowState.REFUSED.value)).otherwise(pl.col("state"))
        return rows.with_columns(pl.Series("problems", all_problems), *cleared, state=state)

    def _known(self, references: Iterable[str | None]) -> Mapping[str, ChosenProduct]:
        """Return the run's earlier choices by the references of the list."""
        if self._run is None or self._ledger is None:
            return {}
        identity_of = folded_reference_identity if self._run.identity_version.folds_rows else reference_identity
        identities = {each: identity_of(each) for each in references if each}
        found = self._ledger.product_choices.find(self._run, identities.values())
        return {each: found[identity] for each, identity in identities.items() if identity in found}

    async def _look_up(self, numbers: set[str]) -> None:
        """Look up the operators of these numbers, and the products of those operators."""
        answers = await self._catalogue.operators_of(sorted(numbers - self._operators.keys()))
        self._operators |= {number: _operator_or_problem(number, answer) for number, answer in answers.items()}
        operators = {operator.id for operator in self._operators.values() if isinstance(operator, LookupOperator)}
        policy = self._policy
        listed = ProductFilter(
            type=policy.type,
            service_id=policy.service_id,
            subservice_id=policy.subservice_id,
            benefit_types=policy.benefit_types,
        )
        self._products |= await self._catalogue.products_of(operators - self._products.keys(), listed)

    def _choice(self, number: str | None, amount: str | None, currency: str | None) -> int | str:
        """Return the row's product, or why it has none."""
        if number is None or amount is None:
            return "Number and amount required to choose a product. Add them."
        operator = self._operators[number]
        if isinstance(operator, str):
            return operator
        found = fitting(self._products[operator.id], self._mode, Decimal(amount), currency)
        if len(found) == 1:
            return found[0].id
        requested = format_money(Decimal(amount), currency) if currency else format_plain(Decimal(amount))
        if not found:
            return f"{operator.name} has no product of {requested}. Correct the amount, or widen [auto_product]."
        named = ", ".join(str(product.id) for product in found[:NAMED_PRODUCTS])
        return (
            f"{operator.name} has several products of {requested}: {named}. Add a currency, or narrow [auto_product]."
        )


def _operator_or_problem(number: str, answer: LookupOperator | APIError | None) -> LookupOperator | str:
    if isinstance(answer, APIError):
        return f"The operator of {number} can't be looked up. {answer}. {_INSTEAD}"
    return answer if answer is not None else f"DVS does not know the operator of {number}. {_INSTEAD}"


def _earlier_choice(
    known: Mapping[str, ChosenProduct],
    number: str | None,
    amount: str | None,
    currency: str | None,
    reference: str | None,
) -> int | None:
    """Return the run's earlier choice for a row; None if there is none, or if number, amount or currency changed."""
    if number is None or amount is None or reference is None:
        return None
    before = known.get(reference)
    if before is None or before.credit_party != number or before.amount != Decimal(amount):
        return None
    return before.product_id if currency in {None, before.unit} else None
