"""Checks a list batch by batch against what its products require, and makes rows to be staged; no HTTP, no SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.row import StagedRow
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import Product
from bulk_topup.plan.duplicates import PARTY_KEY, REFERENCE_KEY, Duplicates
from bulk_topup.plan.json_expressions import joined, problem_entry
from bulk_topup.plan.prices import Prices
from bulk_topup.plan.request_bodies import request_body
from bulk_topup.plan.requirements import REFUSED, Check, always, format_checks, is_missing, product_checks
from bulk_topup.plan.row_identities import credit_party, party_key, reference_key
from bulk_topup.plan.seen_keys import Recall

#: The column of the product's number, which the list states as text.
_ID = "product"
_NONE = pl.lit(None, dtype=pl.String)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOptions:
    """How the list is meant."""

    #: Whether amounts are what beneficiaries receive or what the sender's side is charged.
    calculation_mode: CalculationMode = CalculationMode.DESTINATION_AMOUNT
    #: Whether one credit party may get the same product more than once in a list.
    allow_duplicates: bool = False
    #: Whether transactions are created only, to be confirmed later.
    hold: bool = False
    #: What one row may ask for, per unit; empty for no cap.
    row_amounts: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rules:
    """What one product asks of a row, compiled once for all batches."""

    #: Whether anything is wrong with a row; nearly all rows have nothing, and no sentences are made for them.
    is_invalid: pl.Expr
    #: What is wrong with one that does, as JSON entries.
    problems: pl.Expr
    prices: Prices
    #: What is staged of a row, as if nothing was wrong.
    columns: tuple[pl.Expr, ...]


class Checker:
    """Turns batches of normalised rows into rows to be staged; remembers what it saw, to find duplicates over the list.

    Args:
        products: product by id, None for one that is not in the account; must know each id of a frame before its check.
        columns: the list's column for each mapped field.
        options: how the list is meant.
        recall: where the identities of rows that were checked before are.
    """

    def __init__(
        self,
        products: Mapping[int, Product | None],
        columns: Mapping[str, str],
        options: PlanOptions,
        recall: Recall,
    ) -> None:
        self._products = products
        self._columns = columns
        self._options = options
        self._duplicates = Duplicates(recall, columns, allow=options.allow_duplicates)
        self._rules: dict[int | None, _Rules] = {}

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Check one batch, in list order; give the columns of `StagedRow`."""
        if frame.is_empty():
            return pl.DataFrame(schema=StagedRow._fields)
        batch = self._with_keys(frame)
        parts = batch.partition_by(_ID, as_dict=True, maintain_order=True)
        checked = [
            self._checked(part, None if product_id is None else int(product_id))
            for (product_id,), part in parts.items()
        ]
        batch = self._duplicates.added_to(pl.concat(checked).sort("line") if len(checked) > 1 else checked[0])
        problems = pl.concat_str("problems", "duplicate", "excess", separator=", ", ignore_nulls=True)
        batch = batch.with_columns(problems=joined("[", problems, "]"))
        is_accepted = pl.col("problems") == "[]"
        accepted = [pl.when(is_accepted).then(pl.col(name)).alias(name) for name in ("request", "cost", "cost_unit")]
        state = pl.when(is_accepted).then(pl.lit(RowState.PENDING.value)).otherwise(pl.lit(RowState.REFUSED.value))
        return batch.with_columns(*accepted, state=state).select(StagedRow._fields)

    def _with_keys(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add what identifies rows, and fill in what is null against expectation."""
        if fields.PRODUCT_ID not in frame.columns:
            frame = frame.with_columns(_NONE.alias(fields.PRODUCT_ID))
        # A null list of problems would swallow what is added to it.
        frame = frame.with_columns(
            pl.col("line").fill_null(0),
            pl.col("cells").fill_null("[]"),
            pl.col("problems").fill_null([]),
            pl.col(fields.PRODUCT_ID).cast(pl.Int64, strict=False).alias(_ID),
        )
        return frame.with_columns(
            pl.col("problems").list.eval(pl.element().struct.field("column")).alias(REFUSED),
            reference_key(frame.columns).alias(REFERENCE_KEY),
            party_key(frame.columns, _ID).alias(PARTY_KEY),
            credit_party=credit_party(frame.columns),
        )

    def _checked(self, part: pl.DataFrame, product_id: int | None) -> pl.DataFrame:
        """Check the rows of one product."""
        if product_id not in self._rules:
            self._rules[product_id] = self._compiled(product_id, part.columns)
        rules = self._rules[product_id]
        is_bad = part.select(rules.is_invalid).to_series()
        problems = pl.repeat(None, part.height, dtype=pl.String, eager=True).alias("problems")
        if is_bad.any():
            problems = problems.scatter(is_bad.arg_true(), part.filter(is_bad).select(rules.problems).to_series())
        return rules.prices.added_to(part.with_columns(problems)).with_columns(rules.columns)

    def _compiled(self, product_id: int | None, present: list[str]) -> "_Rules":
        """Compile what a product's rows have to be and what becomes of them."""
        product = None if product_id is None else self._products[product_id]
        mode, hold = self._options.calculation_mode, self._options.hold
        checks = list(self._checks(product_id, present))
        was_refused = pl.col("problems").list.len() > 0
        found = problem_entry(pl.element().struct.field("column"), pl.element().struct.field("message"))
        entries = [
            pl.when(was_refused).then(pl.col("problems").list.eval(found).list.join(", ")),
            *(pl.when(check.fails).then(problem_entry(pl.lit(check.column), check.message)) for check in checks),
        ]
        prices = Prices(product, mode, self._options.row_amounts)
        amount_column = self._columns.get(fields.AMOUNT) or self._columns.get(fields.PRODUCT_ID, "")
        body = _NONE
        if product is not None:
            body = request_body(product, mode, present, pl.col("number"), auto_confirm=not hold)
        return _Rules(
            is_invalid=pl.any_horizontal(was_refused, *(check.fails for check in checks)).fill_null(value=False),
            problems=pl.concat_str(entries, separator=", ", ignore_nulls=True),
            prices=prices,
            columns=(
                pl.col(_ID).alias("product_id"),
                pl.col("asked").alias("amount"),
                problem_entry(pl.lit(amount_column), pl.col("excess")).alias("excess"),
                pl.lit(prices.units.amount, dtype=pl.String).alias("unit"),
                pl.lit(prices.units.cost, dtype=pl.String).alias("cost_unit"),
                pl.lit(None if product is None else product.operator.id, dtype=pl.Int64).alias("operator_id"),
                body.alias("request"),
            ),
        )

    def _checks(self, product_id: int | None, present: list[str]) -> Iterator[Check]:
        column = self._columns.get(fields.PRODUCT_ID, "")
        yield from format_checks(present, self._columns)
        if product_id is None:
            text = "No product is chosen; state --product ID, or fill in a column that is mapped to product_id."
            fails = is_missing(fields.PRODUCT_ID, self._columns)
            yield Check(column=column, fails=fails, message=pl.lit(text))
            return
        product = self._products[product_id]
        if product is None:
            text = f"Product {product_id} is not available in this account; `bulk-topup products` lists those that are."
            yield always(column, text)
            return
        yield from product_checks(product, self._options.calculation_mode, present, self._columns)
        if fields.REFERENCE in present:
            yield Check(
                column=self._columns.get(fields.REFERENCE, ""),
                fails=is_missing(fields.REFERENCE, self._columns),
                message=pl.lit("The row has no reference; fill it in, every row needs its own."),
            )
        elif not _credits_by_number(product):
            yield always(
                "",
                f"Product {product_id} credits nobody by number, so only a reference tells rows apart; "
                "map a column with --map reference=COLUMN.",
            )


def _credits_by_number(product: Product) -> bool:
    """Tell whether every row of the product has a mobile or an account number, which tells it from the others."""
    alternatives = product.required_credit_party_identifier_fields or [[]]
    return all(not {"mobile_number", "account_number"}.isdisjoint(inner) for inner in alternatives)
