"""Chooses the product of each row by its number's operator and its amount; reads the ledger.

A row's identity is its reference, so another choice later never makes another row of it. The run's earlier choice stays
as long as number and amount do.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

import polars as pl

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.product_filter import ProductFilter
from bulk_topup.domain import fields
from bulk_topup.domain.auto_product import AmountMatch, AutoProduct
from bulk_topup.domain.bills import STATEMENT
from bulk_topup.domain.choice_notes import ChoiceNotes, ExampleRows
from bulk_topup.domain.identity import folded_reference_identity, reference_identity
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import FRAME_FIELDS, Problem, decode_problems, encode_problems
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import APIError
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.catalogue import LookupOperator
from bulk_topup.dvs.models.product import Product
from bulk_topup.ledger import ChosenProduct, LedgerStore
from bulk_topup.plan.product_choice import Choice, Wish, choose

#: Stands for the column of the chosen product.
CHOSEN: Final = "(chosen by number and amount)"

#: Different amounts of operators whose products are remembered.
MAX_REMEMBERED: Final = 100_000
#: What to do about a number without an operator.
_INSTEAD: Final = "Correct the number, or pay it by a list with products."
_PROBLEMS: Final = pl.List(pl.Struct(dict.fromkeys(FRAME_FIELDS, pl.String)))


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
        self._listed = ProductFilter.of(policy)
        self._choices: dict[tuple[int, Wish], Choice | str] = {}
        self._first_lines: dict[str, int] = {}
        #: How the products of all batches were chosen.
        self.notes = ChoiceNotes()

    async def choose(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with a product for each row, or with a problem if no product or several ones match."""
        empty = [None] * frame.height
        numbers, amounts, currencies, references = (
            frame[field].to_list() if field in frame.columns else empty
            for field in (fields.CREDIT_MOBILE, fields.AMOUNT, fields.CURRENCY, fields.REFERENCE)
        )
        rows = list(zip(numbers, amounts, currencies, references, strict=True))
        known = self._known(references)
        cells = frame["cells"].to_list() if "cells" in frame.columns else empty
        earlier = [self._earlier(known, *row, text) for row, text in zip(rows, cells, strict=True)]
        await self._look_up({row[0] for row, before in zip(rows, earlier, strict=True) if row[0] and before is None})
        results = [
            self._choice(line, number, amount, currency) if before is None else before
            for line, (number, amount, currency, _), before in zip(frame["line"], rows, earlier, strict=True)
        ]
        self.notes.kept += sum(before is not None for before in earlier)
        self.notes.chosen += sum(not isinstance(result, str) for result in results)
        added = pl.Series(
            [
                [{"column": CHOSEN, "message": each, "kind": ProblemKind.NO_PRODUCT.value}]
                if isinstance(each, str)
                else []
                for each in results
            ],
            dtype=_PROBLEMS,
        )
        frame = frame.with_columns(
            pl.Series(
                fields.PRODUCT_ID,
                [None if isinstance(each, str) else str(each.product_id) for each in results],
                dtype=pl.String,
            ),
            problems=pl.col("problems").fill_null([]).list.concat(added),
        )
        if fields.AMOUNT not in frame.columns:
            return frame
        lowered = [None if isinstance(each, str) else each.lowered for each in results]
        return frame.with_columns(pl.coalesce(pl.Series(lowered, dtype=pl.String), fields.AMOUNT).alias(fields.AMOUNT))

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
            if first != line and not any(problem.may_be_paid or problem.is_left_out for problem in found):
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
        self._operators |= {number: operator_or_problem(number, answer) for number, answer in answers.items()}
        operators = {operator.id for operator in self._operators.values() if isinstance(operator, LookupOperator)}
        self._products |= await self._catalogue.products_of(operators - self._products.keys(), self._listed)
        known = {(each.id, each.name) for each in self._operators.values() if isinstance(each, LookupOperator)}
        self.notes.unmatched = self._policy.names_without(known) if known else ()

    def _choice(self, line: int, number: str | None, amount: str | None, currency: str | None) -> "_Chosen | str":
        """Return the row's product, or why it has none."""
        if amount == STATEMENT:
            return "What an account owes is asked for with its product. Name the product in a list of its own."
        if number is None or amount is None:
            return "Number and amount required to choose a product. Add them."
        operator = self._operators[number]
        if isinstance(operator, str):
            return operator
        wish = Wish(mode=self._mode, amount=Decimal(amount), currency=currency)
        choice = self._choose(operator, wish)
        if isinstance(choice, str):
            return choice
        offer = choice.offer
        self.notes.named += choice.is_named
        if choice.other is not None:
            note = self.notes.preferred.setdefault(choice.preference, ExampleRows())
            note.note(line, f"{offer}, not {choice.other}")
        if offer.amount == wish.amount:
            return _Chosen(offer.product.id)
        self.notes.lowered.note(line, f"{offer} instead of {wish}")
        return _Chosen(offer.product.id, format_plain(offer.amount))

    def _choose(self, operator: LookupOperator, wish: Wish) -> Choice | str:
        """Return what a wish for an operator leads to, which is decided once for all rows."""
        key = (operator.id, wish)
        found = self._choices.get(key)
        if found is None:
            if len(self._choices) >= MAX_REMEMBERED:
                self._choices.clear()
            products = self._products[operator.id]
            found = choose(operator, products, self._policy, wish)
            if isinstance(found, str) and not products:
                found += self._age_of_empty_list(operator)
            self._choices[key] = found
        return found

    def _age_of_empty_list(self, operator: LookupOperator) -> str:
        """Return a sentence about the age of an operator's empty list; an empty one if it was asked for just now."""
        at = self._catalogue.kept_at(operator.id, self._listed)
        return "" if at is None else f" DVS listed none {at:%Y-%m-%d %H:%M} UTC; --max-age 0 asks again."

    def _earlier(
        self,
        known: Mapping[str, ChosenProduct],
        number: str | None,
        amount: str | None,
        currency: str | None,
        reference: str | None,
        cells: str | None,
    ) -> "_Chosen | None":
        """Return the run's earlier choice for a row; None without one, or if number, amount or currency changed."""
        if number is None or amount is None or amount == STATEMENT or reference is None:
            return None
        before = known.get(reference)
        if before is None or before.credit_party != number or currency not in {None, before.unit}:
            return None
        if before.amount is None:
            return None
        if before.amount == Decimal(amount):
            return _Chosen(before.product_id)
        # Less than the list has was chosen for the row as it still is.
        is_lowered = self._policy.amounts is AmountMatch.AT_OR_BELOW and before.amount < Decimal(amount)
        if is_lowered and cells is not None and cells == before.cells:
            return _Chosen(before.product_id, format_plain(before.amount))
        return None


class _Chosen(NamedTuple):
    """The product of a row."""

    product_id: int
    #: The amount that it gives instead of the row's, in plain notation; None for the row's own.
    lowered: str | None = None


def operator_or_problem(number: str, answer: LookupOperator | APIError | None) -> LookupOperator | str:
    """Return the operator of a number as the catalogue answers it, or why it is unknown."""
    if isinstance(answer, APIError):
        return f"The operator of {number} can't be looked up. {answer}. {_INSTEAD}"
    return answer if answer is not None else f"DVS does not know the operator of {number}. {_INSTEAD}"
