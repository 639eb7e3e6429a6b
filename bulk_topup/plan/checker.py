"""Checks a list batch by batch against what its products require, and makes rows of it; no HTTP, no SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from bulk_topup import fields
from bulk_topup.dvs.models import CalculationMode, Product
from bulk_topup.identity import occurrence_identity, party_identity, reference_identity, unreadable_identity
from bulk_topup.plan.limits import row_cap_problem
from bulk_topup.plan.requests import amount_and_unit, expected_cost, request_body
from bulk_topup.plan.requirements import REFUSED, Check, format_checks, is_missing, product_checks
from bulk_topup.problems import Problem
from bulk_topup.records import CheckedRow

_PROBLEM = pl.Struct({"column": pl.String, "message": pl.String})
_ID = "product"


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


class Checker:
    """Turns frames of normalised rows into checked rows; remembers what it saw, to find duplicates over the whole list.

    Args:
        products: product by id, None for one that is not in the account; must know each id of a frame before its check.
        columns: the list's column for each mapped field.
        options: how the list is meant.
    """

    def __init__(
        self, products: Mapping[int, Product | None], columns: Mapping[str, str], options: PlanOptions
    ) -> None:
        self._products = products
        self._columns = columns
        self._options = options
        self._first_lines: dict[str, int] = {}
        #: How often an identity came so far; only those that came more than once.
        self._occurrences: dict[str, int] = {}

    def check(self, frame: pl.DataFrame) -> list[CheckedRow]:
        """Check one batch, in list order."""
        if frame.is_empty():
            return []
        # A null list of problems would swallow what is added to it.
        frame = frame.with_columns(pl.col("problems").fill_null([]))
        frame = frame.with_columns(pl.col("problems").list.eval(pl.element().struct.field("column")).alias(REFUSED))
        if fields.PRODUCT_ID not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(fields.PRODUCT_ID))
        frame = frame.with_columns(pl.col(fields.PRODUCT_ID).cast(pl.Int64, strict=False).alias(_ID))
        parts = [
            self._with_problems(part, None if product_id is None else int(product_id))
            for (product_id,), part in frame.partition_by(_ID, as_dict=True, maintain_order=True).items()
        ]
        checked = pl.concat(parts).sort("line")
        return [self._row(values) for values in checked.iter_rows(named=True)]

    def _with_problems(self, part: pl.DataFrame, product_id: int | None) -> pl.DataFrame:
        checks = list(self._checks(product_id, part.columns))
        found = [
            pl.when(check.message.is_not_null()).then(
                pl.struct(column=pl.lit(check.column), message=check.message).cast(_PROBLEM)
            )
            for check in checks
        ]
        added = pl.concat_list(found).list.drop_nulls() if found else pl.lit([], dtype=pl.List(_PROBLEM))
        return part.with_columns(problems=pl.col("problems").list.concat(added))

    def _checks(self, product_id: int | None, present: list[str]) -> Iterator[Check]:
        column = self._columns.get(fields.PRODUCT_ID, "")
        yield from format_checks(present, self._columns)
        if product_id is None:
            text = "No product is chosen; state --product ID, or fill in a column that is mapped to product_id."
            yield Check(column=column, message=pl.when(is_missing(fields.PRODUCT_ID, self._columns)).then(pl.lit(text)))
            return
        product = self._products[product_id]
        if product is None:
            text = f"Product {product_id} is not available in this account; `bulk-topup products` lists those that are."
            yield Check(column=column, message=pl.lit(text))
            return
        yield from product_checks(product, self._options.calculation_mode, present, self._columns)
        if fields.REFERENCE in present:
            blank = "The row has no reference; fill it in, every row needs its own."
            yield Check(
                column=self._columns.get(fields.REFERENCE, ""),
                message=pl.when(is_missing(fields.REFERENCE, self._columns)).then(pl.lit(blank)),
            )
        elif not _credits_by_number(product):
            text = (
                f"Product {product_id} credits nobody by number, so only a reference tells rows apart; "
                "map a column with --map reference=COLUMN."
            )
            yield Check(column="", message=pl.lit(text))

    def _row(self, values: Mapping[str, Any]) -> CheckedRow:
        line = int(values["line"] or 0)
        cells = values["cells"] or "[]"
        product_id = None if values[_ID] is None else int(values[_ID] or 0)
        product = None if product_id is None else self._products[product_id]
        parties = tuple(
            values.get(name) for name in (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT, fields.CREDIT_QUALIFIER)
        )
        problems = [Problem(column=entry["column"], message=entry["message"]) for entry in values["problems"]]
        identity, duplicate = self._identify(values, product_id, parties, cells, line)
        problems.extend(duplicate)
        mode = self._options.calculation_mode
        stated = values.get(fields.AMOUNT)
        amount = None if stated is None else Decimal(stated)
        asked, unit = (None, None) if product is None else amount_and_unit(product, mode, amount)
        problems.extend(self._beyond_cap(asked, unit))
        accepted = product is not None and not problems
        cost, cost_unit = expected_cost(product, mode, amount) if product is not None and accepted else (None, None)
        request = None
        if product is not None and accepted:
            request = request_body(product, mode, values, amount, auto_confirm=not self._options.hold)
        return CheckedRow(
            line=line,
            identity=identity,
            cells=cells,
            problems=tuple(problems),
            product_id=product_id,
            credit_party=parties[0] or parties[1],
            amount=asked,
            unit=unit,
            request=request,
            cost=cost,
            cost_unit=cost_unit,
            operator_id=None if product is None else product.operator.id,
        )

    def _beyond_cap(self, asked: Decimal | None, unit: str | None) -> Iterator[Problem]:
        if asked is None or unit is None:
            return
        if (text := row_cap_problem(self._options.row_amounts, asked, unit)) is not None:
            column = self._columns.get(fields.AMOUNT) or self._columns.get(fields.PRODUCT_ID, "")
            yield Problem(column=column, message=text)

    def _identify(
        self,
        values: Mapping[str, str | None],
        product_id: int | None,
        parties: tuple[str | None, ...],
        cells: str,
        line: int,
    ) -> tuple[str, list[Problem]]:
        """Give the row's identity, and what is wrong if an earlier row has it or credits the same party."""
        reference = values.get(fields.REFERENCE)
        party = party_identity(product_id, parties) if product_id is not None and any(parties[:2]) else None
        problems = []
        if reference is not None:
            identity = reference_identity(reference)
            if (first := self._first_lines.get(identity)) is not None:
                text = f'"{reference}" is already the reference of line {first}; every row needs its own.'
                column = self._columns.get(fields.REFERENCE, "")
                is_other = party is not None and party not in self._first_lines
                problems.append(Problem(column=column, message=text, may_be_paid=not is_other))
                # Numbered by occurrence it could get the identity of a row whose own reference ends in "#2".
                identity = unreadable_identity(cells)
        elif party is not None:
            identity = party
        else:
            identity = unreadable_identity(cells)
        if party is not None and not self._options.allow_duplicates:
            first = self._first_lines.get(party)
            if first is not None:
                text = (
                    f"Line {first} already gives product {product_id} to {parties[0] or parties[1]}; "
                    "remove one of them, or state --allow-duplicates."
                )
                column = self._columns.get(fields.CREDIT_MOBILE if parties[0] else fields.CREDIT_ACCOUNT, "")
                problems.append(Problem(column=column, message=text, may_be_paid=True))
        occurrence = 1
        if identity in self._first_lines:
            occurrence = self._occurrences[identity] = self._occurrences.get(identity, 1) + 1
        self._first_lines.setdefault(identity, line)
        if party is not None:
            self._first_lines.setdefault(party, line)
        return occurrence_identity(identity, occurrence), problems


def _credits_by_number(product: Product) -> bool:
    """Tell whether every row of the product has a mobile or an account number, which tells it from the others."""
    alternatives = product.required_credit_party_identifier_fields or [[]]
    return all(not {"mobile_number", "account_number"}.isdisjoint(inner) for inner in alternatives)
