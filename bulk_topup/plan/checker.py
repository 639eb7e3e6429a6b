"""Checks a list batch by batch against its products, and creates the rows to stage; touches neither HTTP nor SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.bills import BillPolicy
from bulk_topup.domain.column_use import NO_COLUMNS, ColumnUse, map_advice
from bulk_topup.domain.identity_version import NEWEST, IdentityVersion
from bulk_topup.domain.number_notes import NumberNotes
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import FRAME_FIELDS
from bulk_topup.domain.row import StagedRow
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import KnownProduct, Product, UnknownProduct
from bulk_topup.plan.asked_amounts import (
    AMOUNT_UNTIL,
    ASKED,
    NOTHING_DUE,
    PRODUCT,
    mark_asked,
)
from bulk_topup.plan.duplicates import IDENTITY, PARTY_IDENTITY, REFERENCE_IDENTITY, WRITTEN_IDENTITY, Duplicates
from bulk_topup.plan.json_expressions import joined, problem_entry
from bulk_topup.plan.number_checks import NUMBER_PROBLEM, NumberCheck, NumberPolicy
from bulk_topup.plan.party_keys import party_key
from bulk_topup.plan.prices import Prices
from bulk_topup.plan.request_bodies import request_body
from bulk_topup.plan.requirements import REFUSED_COLUMNS, Check, always, format_checks, is_missing, product_checks
from bulk_topup.plan.row_identities import (
    credit_party,
    folded_party_identity,
    folded_reference_identity,
    party_identity,
    reference_identity,
)
from bulk_topup.plan.seen_keys import Recall

_NONE = pl.lit(None, dtype=pl.String)
_PROBLEMS = pl.List(pl.Struct(dict.fromkeys(FRAME_FIELDS, pl.String)))


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOptions:
    """How amounts, duplicates and confirmation of a list are handled."""

    #: Whether amounts are what beneficiaries receive or what the source is charged.
    calculation_mode: CalculationMode = CalculationMode.DESTINATION_AMOUNT
    #: Whether one credit party may receive the same product more than once in a list.
    allow_duplicates: bool = False
    #: Whether the later ones of rows that are the same in all fields are left out, and not to fix.
    keep_first: bool = False
    #: Whether transactions are only created, to be confirmed later.
    hold: bool = False
    #: Cap on the requested amount of a row, per unit; empty for no cap.
    row_amounts: Mapping[str, Decimal] = field(default_factory=dict)
    #: Which credited numbers are refused.
    numbers: NumberPolicy = field(default_factory=NumberPolicy)
    #: Which bill is paid of an account with several, where DVS is asked for the amount.
    bill: BillPolicy = BillPolicy.ONLY
    #: Whether DVS is asked for amounts; rows of a run that is rebuilt take those of their transactions.
    asks_bills: bool = True
    #: How the rows' identities are written.
    identity_version: IdentityVersion = NEWEST


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rules:
    """The checks and columns of one product's rows, compiled once for all batches."""

    #: What is odd about credited numbers; None where the product is not known.
    numbers: NumberCheck | None
    #: Whether a row has a problem; no messages are created for the others, which are nearly all.
    is_invalid: pl.Expr
    #: The problems of such a row, as JSON entries.
    problems: pl.Expr
    prices: Prices
    #: The staged columns of a row, as if it had no problem.
    columns: tuple[pl.Expr, ...]


class Checker:
    """Checks batches of normalised rows, and keeps their identities to find duplicates in the whole list.

    Args:
        products: product by ID, None for one that is not in the account; has each ID of a batch before its check.
        columns: the list's column for each mapped field.
        options: how amounts, duplicates and confirmation are handled.
        recall: returns the identities of rows that were checked before.
        position_word: the word for a row's position in messages, `line` or `row`.
        use: the list's columns, for advice.
    """

    def __init__(
        self,
        products: Mapping[int, Product | None],
        columns: Mapping[str, str],
        options: PlanOptions,
        recall: Recall,
        position_word: str = "line",
        use: ColumnUse = NO_COLUMNS,
    ) -> None:
        self._use = use
        self._products = products
        self._columns = columns
        self._options = options
        self._duplicates = Duplicates(
            recall,
            columns,
            allow=options.allow_duplicates,
            position_word=position_word,
            keep_first=options.keep_first,
        )
        self._rules: dict[tuple[int | None, bool], _Rules] = {}
        #: What is odd about the credited numbers of all batches.
        self.number_notes = NumberNotes()

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the checked rows of the next batch, in list order, with the columns of `StagedRow`."""
        return self.check_identified(self.identify(frame))

    def check_identified(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Return the checked rows of a batch of `identify`, in list order, with the columns of `StagedRow`.

        What rows were asked for is filled in by `fill_amounts` before.
        """
        if batch.is_empty():
            return pl.DataFrame(schema=StagedRow._fields)
        for name in (AMOUNT_UNTIL, NOTHING_DUE):
            if name not in batch.columns:
                batch = batch.with_columns(_NONE.alias(name))
        parts = batch.partition_by(PRODUCT, as_dict=True, maintain_order=True)
        checked = [
            self._check_product(part, None if product_id is None else int(product_id))
            for (product_id,), part in parts.items()
        ]
        batch = self._duplicates.add_to(pl.concat(checked).sort("line") if len(checked) > 1 else checked[0])
        texts = ("problems", "duplicate", "excess", NOTHING_DUE)
        problems = pl.concat_str(*texts, separator=", ", ignore_nulls=True)
        batch = batch.with_columns(problems=joined("[", problems, "]"))
        is_valid = pl.col("problems") == "[]"
        valid_only = [pl.when(is_valid).then(pl.col(name)).alias(name) for name in ("request", "cost", "cost_unit")]
        state = pl.when(is_valid).then(pl.lit(RowState.PENDING.value)).otherwise(pl.lit(RowState.REFUSED.value))
        return batch.with_columns(*valid_only, state=state).select(StagedRow._fields)

    def identify(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the next batch with the rows' identities, and with defaults for unexpected nulls.

        What is asked for afterwards is thus no part of an identity.
        """
        if fields.PRODUCT_ID not in frame.columns:
            frame = frame.with_columns(_NONE.alias(fields.PRODUCT_ID))
        # Problems cannot be added to a null list.
        frame = frame.with_columns(
            pl.col("line").fill_null(0),
            pl.col("cells").fill_null("[]"),
            pl.col("problems").fill_null([]).cast(_PROBLEMS),
            pl.col(fields.PRODUCT_ID).cast(pl.Int64, strict=False).alias(PRODUCT),
        )
        frame = mark_asked(frame)
        present = frame.columns
        reference, party = reference_identity(present), party_identity(present, PRODUCT)
        own_reference, own_party = reference, party
        if self._options.identity_version.folds_rows:
            own_reference, own_party = folded_reference_identity(present), folded_party_identity(present, PRODUCT)
        identity, written = pl.coalesce(own_reference, own_party), pl.coalesce(reference, party)
        if fields.REFERENCE in present and not frame[fields.REFERENCE].null_count():
            identity, written = own_reference, reference  # the other one is computed for no row
        return frame.with_columns(
            pl.col("problems").list.eval(pl.element().struct.field("column")).alias(REFUSED_COLUMNS),
            own_reference.alias(REFERENCE_IDENTITY),
            party.alias(PARTY_IDENTITY),
            identity.alias(IDENTITY),
            written.alias(WRITTEN_IDENTITY),
            credit_party=credit_party(present),
            party_key=party_key(present),
        )

    def _check_product(self, part: pl.DataFrame, product_id: int | None) -> pl.DataFrame:
        """Check the rows of one product."""
        key = product_id, ASKED in part.columns
        if key not in self._rules:
            self._rules[key] = self._compile(product_id, part.columns)
        rules = self._rules[key]
        part = part.with_columns(_NONE.alias(NUMBER_PROBLEM)) if rules.numbers is None else rules.numbers.add_to(part)
        is_invalid = part.select(rules.is_invalid).to_series()
        problems = pl.repeat(None, part.height, dtype=pl.String, eager=True).alias("problems")
        if is_invalid.any():
            problems = problems.scatter(
                is_invalid.arg_true(), part.filter(is_invalid).select(rules.problems).to_series()
            )
        return rules.prices.add_to(part.with_columns(problems)).with_columns(rules.columns)

    def _compile(self, product_id: int | None, present: list[str]) -> "_Rules":
        """Return the checks and columns of a product's rows."""
        product = None if product_id is None else self._products[product_id]
        if isinstance(product, UnknownProduct):
            product = None  # its rows are refused
        mode, hold = self._options.calculation_mode, self._options.hold
        # What is not known of a bill is a problem of its amount.
        amount = self._columns.get(fields.AMOUNT, "")
        asked = {fields.BILL_REFERENCE: amount, fields.BILL_DUE_DATE: amount} if ASKED in present else {}
        checks = list(self._checks(product_id, present, {**asked, **self._columns}))
        was_refused = pl.col("problems").list.len() > 0
        intake_entry = problem_entry(*(pl.element().struct.field(name) for name in FRAME_FIELDS))
        entries = [
            pl.when(was_refused).then(pl.col("problems").list.eval(intake_entry).list.join(", ")),
            *(pl.when(check.is_invalid).then(_entry(check)) for check in checks),
        ]
        prices = Prices(product, mode, self._options.row_amounts)
        amount_column = self._columns.get(fields.AMOUNT) or self._columns.get(fields.PRODUCT_ID, "")
        body, numbers = _NONE, None
        if product is not None:
            body = request_body(product, mode, present, pl.col("number"), auto_confirm=not hold)
            if fields.CREDIT_MOBILE in present:
                numbers = NumberCheck(product, self._options.numbers, self.number_notes)
        return _Rules(
            numbers=numbers,
            is_invalid=pl.any_horizontal(was_refused, *(check.is_invalid for check in checks)).fill_null(value=False),
            problems=pl.concat_str(entries, separator=", ", ignore_nulls=True),
            prices=prices,
            columns=(
                pl.col(PRODUCT).alias("product_id"),
                pl.col("requested").alias("amount"),
                problem_entry(
                    pl.lit(amount_column), pl.col("excess"), pl.lit(ProblemKind.AMOUNT_NOT_OFFERED.value), _NONE
                ).alias("excess"),
                pl.lit(prices.units.amount, dtype=pl.String).alias("unit"),
                pl.lit(prices.units.cost, dtype=pl.String).alias("cost_unit"),
                pl.lit(None if product is None else product.operator.id, dtype=pl.Int64).alias("operator_id"),
                body.alias("request"),
            ),
        )

    def _checks(self, product_id: int | None, present: list[str], columns: Mapping[str, str]) -> Iterator[Check]:
        column = columns.get(fields.PRODUCT_ID, "")
        yield from format_checks(present, columns)
        if product_id is None:
            text = "No product. Add --product ID, or fill in the column that is mapped to product_id."
            is_invalid = is_missing(fields.PRODUCT_ID, columns)
            yield Check(column=column, is_invalid=is_invalid, message=pl.lit(text), kind=ProblemKind.NO_PRODUCT)
            return
        product = self._products[product_id]
        if isinstance(product, UnknownProduct):
            text = f"Product {product_id} {product.why}. Choose another product."
            yield always(column, text, ProblemKind.PRODUCT)
            return
        if product is None:
            text = f"Product {product_id} is not available in this account. List available ones: `bulk-topup products`."
            yield always(column, text, ProblemKind.PRODUCT)
            return
        yield from product_checks(product, self._options.calculation_mode, present, columns, self._use)
        number = pl.col(NUMBER_PROBLEM)
        yield Check(
            column=columns.get(fields.CREDIT_MOBILE, ""),
            is_invalid=number.is_not_null(),
            message=number,
            kind=ProblemKind.NUMBER_PLAN,
        )
        if fields.REFERENCE in present:
            yield Check(
                column=columns.get(fields.REFERENCE, ""),
                is_invalid=is_missing(fields.REFERENCE, columns),
                message=pl.lit("Reference required. Every row needs its own."),
                kind=ProblemKind.MISSING_VALUE,
            )
        elif not _credits_by_number(product):
            yield always(
                "",
                f"Product {product_id} has no number of a credit party, so every row needs a reference. "
                f"{map_advice(fields.REFERENCE, self._use)}",
                ProblemKind.MISSING_COLUMN,
            )


def _entry(check: Check) -> pl.Expr:
    return problem_entry(pl.lit(check.column), check.message, pl.lit(check.kind.value), check.instead)


def _credits_by_number(product: KnownProduct) -> bool:
    """Return True if every row of the product has a mobile or an account number, which identifies it."""
    alternatives = product.required_credit_party_identifier_fields or [[]]
    return all(not {"mobile_number", "account_number"}.isdisjoint(inner) for inner in alternatives)
