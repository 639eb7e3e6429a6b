"""Looks up the operator of each row's number and the products that it may get; sends no payment."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.product_choice import operator_or_problem
from bulk_topup.app.product_filter import ProductFilter
from bulk_topup.domain import fields
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.bills import STATEMENT
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.product_texts import amounts_text
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.catalogue import LookupOperator
from bulk_topup.dvs.models.product import KnownProduct, Product
from bulk_topup.errors import InvalidInputError, MappingError
from bulk_topup.intake import ListReader
from bulk_topup.plan.product_choice import Offer, Wish, candidates, choose
from bulk_topup.report.cells import fitted
from bulk_topup.report.columns import unused
from bulk_topup.report.reasons import reason

#: The columns after the list's own.
LOOKUP_COLUMNS: Final = (
    "lookup_line",
    "lookup_number",
    "lookup_country",
    "lookup_operator_id",
    "lookup_operator",
    "lookup_product_id",
    "lookup_amount",
    "lookup_price",
    "lookup_price_unit",
    "lookup_candidates",
    "lookup_reason",
)
#: The fields that decide what is looked up.
_OWN_FIELDS: Final = (fields.CREDIT_MOBILE, fields.COUNTRY, fields.AMOUNT, fields.CURRENCY)
#: Candidates that a cell names.
NAMED_CANDIDATES: Final = 20
#: Reasons that a message names, and lines of each.
NAMED_REASONS: Final = 10
NAMED_LINES: Final = 5


@dataclass(kw_only=True, slots=True)
class LookedUp:
    """What was found for a list."""

    rows: int = 0
    #: Rows for which a product can be chosen.
    chosen: int = 0
    #: Rows without a candidate.
    problems: int = 0
    #: The first reasons for that, each with its rows.
    reasons: dict[str, "RowsOfReason"] = field(default_factory=dict)

    def note_problem(self, line: int, why: str) -> None:
        """Count a row without a candidate."""
        self.problems += 1
        if why in self.reasons or len(self.reasons) < NAMED_REASONS:
            rows = self.reasons.setdefault(why, RowsOfReason())
            rows.number += 1
            if len(rows.lines) < NAMED_LINES:
                rows.lines.append(line)


@dataclass(kw_only=True, slots=True)
class RowsOfReason:
    """The rows that have no candidate for one reason."""

    number: int = 0
    #: The first of their lines.
    lines: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListLookup:
    """What is looked up for a list."""

    #: The open list.
    reader: ListReader
    #: Asks for operators and their products.
    catalogue: Catalogue
    #: Which products may be chosen, and which of several is.
    policy: AutoProduct
    #: Which side of a product amounts mean.
    mode: CalculationMode

    @property
    def columns(self) -> list[str]:
        """The columns of the answers: the list's own, then `LOOKUP_COLUMNS` under names of their own."""
        columns = list(self.reader.columns)
        for name in LOOKUP_COLUMNS:
            columns.append(unused(name, columns))
        return columns

    def check(self) -> None:
        """Raise MappingError unless the list has a column of numbers."""
        if fields.CREDIT_MOBILE not in self.reader.mapped:
            raise MappingError(
                f"No column of the list has mobile numbers. Name it: --map {fields.CREDIT_MOBILE}=COLUMN."
            )

    async def look_up(self, write: Callable[[Sequence[str]], None]) -> LookedUp:
        """Look up every row of the list, and write each with its answers, in the order of the list.

        Args:
            write: called with the cells of `columns` for each row.

        Raises:
            ListError: the list cannot be read to its end.
            DVSError: DVS cannot be asked; the answers until then are kept.
        """
        found = LookedUp()
        for frame in self.reader.batches():
            numbers = frame[fields.CREDIT_MOBILE].drop_nulls().unique().sort().to_list()
            answers = await self.catalogue.operators_of(numbers)
            operators = {number: operator_or_problem(number, answer) for number, answer in answers.items()}
            ids = {each.id for each in operators.values() if isinstance(each, LookupOperator)}
            products = await self.catalogue.products_of(ids, ProductFilter.of(self.policy))
            self._write_batch(frame, operators, products, found, write)
        return found

    def _write_batch(
        self,
        frame: pl.DataFrame,
        operators: dict[str, LookupOperator | str],
        products: dict[int, list[Product]],
        found: LookedUp,
        write: Callable[[Sequence[str]], None],
    ) -> None:
        known: dict[tuple[int, Wish | None], _Answer] = {}
        # Those of other columns, such as a sender's, are for the plan.
        ours = {"", *(self.reader.column_of(name) for name in _OWN_FIELDS if name in self.reader.mapped)}
        empty = [None] * frame.height
        amounts, currencies = (
            frame[name].to_list() if name in frame.columns else empty for name in (fields.AMOUNT, fields.CURRENCY)
        )
        rows = zip(
            frame["line"],
            frame[fields.CREDIT_MOBILE],
            amounts,
            currencies,
            frame["cells"],
            frame["problems"],
            strict=True,
        )
        for line, number, amount, currency, cells, problems in rows:
            operator = None if number is None else operators[number]
            own = reason(
                "",
                [
                    Problem(column=each["column"], message=each["message"])
                    for each in problems
                    if each["column"] in ours
                ],
            )
            answer = _NO_ANSWER
            if isinstance(operator, LookupOperator):
                wish = (
                    None
                    if amount is None or amount == STATEMENT
                    else Wish(mode=self.mode, amount=Decimal(amount), currency=currency)
                )
                answer = known.get((operator.id, wish)) or self._answer(operator, products[operator.id], wish)
                known[operator.id, wish] = answer
            texts = (own, operator if isinstance(operator, str) else "", answer.reason)
            why = " ".join(filter(None, texts)) or ("" if number else "The row has no number.")
            found.rows += 1
            found.chosen += bool(answer.chosen[0] and not own)
            if own or not answer.candidates:
                found.note_problem(line, why)
            of_operator = ("", "", "")
            if isinstance(operator, LookupOperator):
                of_operator = (operator.country.iso_code, str(operator.id), operator.name)
            own_cells = fitted(json.loads(cells), len(self.reader.columns))
            write((*own_cells, str(line), number or "", *of_operator, *answer.chosen, answer.candidates, why))

    def _answer(self, operator: LookupOperator, products: list[Product], wish: Wish | None) -> "_Answer":
        offers = candidates(operator, products, self.policy, wish)
        named = "; ".join(map(_candidate_text, offers[:NAMED_CANDIDATES]))
        more = f"; and {len(offers) - NAMED_CANDIDATES} more" if len(offers) > NAMED_CANDIDATES else ""
        if wish is None:
            why = "" if offers else f"{operator.name} has no {self.policy.wording}."
            return _Answer(candidates=named + more, reason=why)
        choice = choose(operator, products, self.policy, wish)
        if isinstance(choice, str):
            return _Answer(candidates=named + more, reason=choice)
        offer, cost = choice.offer, choice.offer.cost
        price = ("", "") if cost is None else (format_plain(cost), offer.cost_unit or "")
        chosen = (str(offer.product.id), format_plain(offer.amount), *price)
        return _Answer(candidates=named + more, chosen=chosen)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    """What an operator has for an amount."""

    #: What may be chosen, as a text; empty for nothing.
    candidates: str = ""
    #: Product, amount, price with its fee and the price's currency; empty if none can be chosen.
    chosen: tuple[str, str, str, str] = ("", "", "", "")
    #: Why none can be chosen; empty if one can, or no amount is asked for.
    reason: str = ""


_NO_ANSWER: Final = _Answer()


def check_output(list_: Path, output: Path) -> None:
    """Raise InvalidInputError if the answers would replace the list itself."""
    try:
        is_same = output.samefile(list_)
    except OSError:  # one of them does not exist, or can't be read, which is said where it is opened
        return
    if is_same:
        raise InvalidInputError(f"{output} is the list itself. Choose another file with --output.")


def _candidate_text(candidate: Offer | KnownProduct) -> str:
    if isinstance(candidate, Offer):
        return str(candidate)
    return f"{amounts_text(candidate)} (product {candidate.id}, {candidate.name})"
