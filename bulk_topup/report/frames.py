"""Rows of a run as frames: the list's columns as text, then a typed column a result field; pure."""

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.run import Run
from bulk_topup.errors import ReportError
from bulk_topup.report.cells import list_cells, result_values
from bulk_topup.report.columns import AMOUNT_FIELDS, COUNT_FIELDS, RESULT_FIELDS, result_columns, unused

#: Digits of an amount, and decimals among them: more than a list may have, or any wallet has.
DIGITS: Final = 38
DECIMALS: Final = 18

_TIME_FIELDS: Final = ("created", "final")
_INTEGER_FIELDS: Final = (*COUNT_FIELDS, "product_id", "transaction_id")
_TYPES: Final[dict[str, pl.DataType]] = {
    **dict.fromkeys(RESULT_FIELDS, pl.String()),
    **dict.fromkeys(_INTEGER_FIELDS, pl.Int64()),
    **dict.fromkeys(AMOUNT_FIELDS, pl.Decimal(DIGITS, DECIMALS)),
    **dict.fromkeys(_TIME_FIELDS, pl.Datetime("us", "UTC")),
}


class Frames:
    """Creates frames of a run's rows, all with the same columns; empty values are null."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._columns = len(run.columns)
        self._names = _names(run)
        #: The columns with their types; amounts are exact decimals.
        self.schema = dict(zip(self._names, [*[pl.String()] * self._columns, *_TYPES.values()], strict=True))

    def of(self, outcomes: Outcomes, *, reveal_pins: bool) -> pl.DataFrame:
        """Return a frame of these rows.

        Raises:
            ReportError: an amount has more digits than a column of decimals.
        """
        cells = zip(*list_cells(outcomes, self._columns), strict=True)
        values = result_values(outcomes, self._run, self._columns, reveal_pins=reveal_pins)
        series = [_texts(name, column) for name, column in zip(self._names[: self._columns], cells, strict=True)]
        for name, field, column in zip(self._names[self._columns :], RESULT_FIELDS, values, strict=True):
            series.append(_series(name, field, column))
        return pl.DataFrame(series)


def _names(run: Run) -> list[str]:
    """Return a unique, non-empty name for each column."""
    names: dict[str, None] = {}
    for number, column in enumerate(run.columns, start=1):
        names[unused(_encodable(column) or f"column_{number}", names)] = None
    return [*names, *result_columns(names)]


def _series(name: str, field: str, column: Sequence[Any]) -> pl.Series:
    if field in _INTEGER_FIELDS:
        return pl.Series(name, column, pl.Int64)
    texts = _texts(name, column)
    if field in AMOUNT_FIELDS:
        for amount in set(column) - {None}:
            _check_fits(field, amount)
        return texts.cast(_TYPES[field])
    if field in _TIME_FIELDS:
        return texts.str.to_datetime(time_unit="us", time_zone="UTC", format="%+")
    return texts


def _texts(name: str, column: Sequence[str | None]) -> pl.Series:
    try:
        return pl.Series(name, column, pl.String)
    except UnicodeEncodeError:
        return pl.Series(name, [None if text is None else _encodable(text) for text in column], pl.String)


def _encodable(text: str) -> str:
    """Return the text with half surrogate pairs, which have no UTF-8 form, as codes."""
    return text.encode(errors="backslashreplace").decode()


def _check_fits(field: str, amount: str) -> None:
    whole, _, fraction = amount.lstrip("-").partition(".")
    if len(whole) > DIGITS - DECIMALS or len(fraction) > DECIMALS:
        raise ReportError(
            f"The {field} {amount} has more digits than a decimal column holds ({DIGITS - DECIMALS} before the "
            f"decimal mark, {DECIMALS} after it). Write the report as csv, xlsx or jsonl."
        )
