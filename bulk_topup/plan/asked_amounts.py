"""Rows of a batch whose amounts DVS is asked for: marked first, and filled in once it has answered; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.bills import STATEMENT, ChosenBill, NoBill
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import FRAME_FIELDS, Problem
from bulk_topup.plan.json_expressions import problem_entries
from bulk_topup.plan.requirements import REFUSED_COLUMNS

#: Columns of a batch: the product ID as a number, which the list has as text; whether a row's amount is asked for, in
#: batches that have such rows; until when it may be sent; and the problem of a row for which nothing is due.
PRODUCT: Final = "product"
ASKED: Final = "asked"
AMOUNT_UNTIL: Final = "amount_until"
NOTHING_DUE: Final = "nothing_due"
#: The time until which an amount may be sent that is not known yet, as of a run that is rebuilt: it has passed.
NEVER: Final = ""

_NONE: Final = pl.lit(None, dtype=pl.String)
_PROBLEMS: Final = pl.List(pl.Struct(dict.fromkeys(FRAME_FIELDS, pl.String)))


@dataclass(frozen=True, kw_only=True, slots=True)
class FilledAmount:
    """What a row pays."""

    #: In plain notation.
    amount: str
    reference: str | None
    #: As an ISO date.
    due: str | None
    #: Until when it may be sent, in UTC.
    until: str


def bill_amount(bill: ChosenBill, until: str) -> FilledAmount:
    """Return what a row pays by a bill, and until when it may be sent."""
    due = None if bill.due is None else bill.due.isoformat()
    return FilledAmount(amount=bill.amount, reference=bill.reference, due=due, until=until)


def mark_asked(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a batch with `ASKED` and without an amount where the list has the word for it, if any row has it."""
    if fields.AMOUNT not in frame.columns:
        return frame
    is_asked = frame[fields.AMOUNT].eq(STATEMENT).fill_null(value=False)
    if not is_asked.any():
        return frame
    amount = pl.when(~is_asked).then(pl.col(fields.AMOUNT)).alias(fields.AMOUNT)
    return frame.with_columns(is_asked.alias(ASKED)).with_columns(amount)


def fill_amounts(batch: pl.DataFrame, found: Mapping[int, FilledAmount | NoBill], amount_column: str) -> pl.DataFrame:
    """Return a batch with what its rows pay, and with a problem where they pay nothing.

    What the list itself has of a bill stays.

    Args:
        batch: a batch that has `ASKED`.
        found: what was found for each of these rows, by its line.
        amount_column: the list's column of amounts, for problems.
    """
    answers = [found.get(line) for line in batch["line"]]
    filled = [each if isinstance(each, FilledAmount) else None for each in answers]
    refused = [each if isinstance(each, NoBill) else None for each in answers]

    def text(values: list[str | None]) -> pl.Series:
        return pl.Series(values, dtype=pl.String)

    def or_own(name: str, values: list[str | None]) -> pl.Expr:
        own = pl.col(name) if name in batch.columns else _NONE
        return pl.coalesce(own, pl.lit(text(values))).alias(name)

    problems = pl.Series(
        [
            [{"column": amount_column, "message": each.reason, "kind": ProblemKind.AMOUNT_NOT_OFFERED.value}]
            if each is not None and not each.is_nothing_due
            else []
            for each in refused
        ],
        dtype=_PROBLEMS,
    )
    nothing_due = text([None if each is None else _nothing_due(each, amount_column) for each in refused])
    batch = batch.with_columns(
        or_own(fields.AMOUNT, [None if each is None else each.amount for each in filled]),
        or_own(fields.BILL_REFERENCE, [None if each is None else each.reference for each in filled]),
        or_own(fields.BILL_DUE_DATE, [None if each is None else each.due for each in filled]),
        text([None if each is None else each.until for each in filled]).alias(AMOUNT_UNTIL),
        nothing_due.alias(NOTHING_DUE),
        problems=pl.col("problems").list.concat(problems),
    )
    # A row for which nothing is due lacks no amount, and one that takes what its transaction says no bill.
    refused_columns = pl.col("problems").list.eval(pl.element().struct.field("column"))
    is_complete = pl.col(NOTHING_DUE).is_not_null() | (pl.col(AMOUNT_UNTIL) == NEVER)
    lacking = pl.when(is_complete).then(pl.lit([amount_column])).otherwise(pl.lit([], pl.List(pl.String)))
    return batch.with_columns(refused_columns.list.concat(lacking).alias(REFUSED_COLUMNS))


def _nothing_due(answer: NoBill, column: str) -> str | None:
    if not answer.is_nothing_due:
        return None
    return problem_entries([Problem(column=column, message=answer.reason, is_nothing_due=True)])
