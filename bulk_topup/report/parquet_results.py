"""The results as Parquet: a typed column a field, amounts as exact decimals; writes the path it is given.

polars takes frames from a thread of its own and writes them as they come, so that the file is never in memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, Final

import polars as pl
from polars.io.plugins import register_io_source

from bulk_topup.outcomes import Outcomes
from bulk_topup.records import Run
from bulk_topup.report.batches import Sink
from bulk_topup.report.cells import list_cells, result_values
from bulk_topup.report.columns import AMOUNT_FIELDS, COUNT_FIELDS, RESULT_FIELDS, result_columns, unused
from bulk_topup.report.errors import ReportError

#: Digits of an amount, and of those after its mark: more than a list may state, or any wallet has.
DIGITS: Final = 38
DECIMALS: Final = 18
#: Rows of a row group, which is what readers skip or load as a whole, and is in memory until it is written.
GROUP_ROWS: Final = 100_000
#: Frames that wait to be written.
_WAITING: Final = 2

_TIME_FIELDS: Final = ("created", "final")
_INTEGER_FIELDS: Final = (*COUNT_FIELDS, "product_id", "transaction_id")
_TYPES: Final[dict[str, pl.DataType]] = {
    **dict.fromkeys(RESULT_FIELDS, pl.String()),
    **dict.fromkeys(_INTEGER_FIELDS, pl.Int64()),
    **dict.fromkeys(AMOUNT_FIELDS, pl.Decimal(DIGITS, DECIMALS)),
    **dict.fromkeys(_TIME_FIELDS, pl.Datetime("us", "UTC")),
}


@contextmanager
def parquet_results(path: Path, run: Run, *, reveal_pins: bool) -> Iterator[Sink]:
    """Give a sink that writes every row: the list's own columns as text, then the result columns, empty ones as null.

    Raises:
        ReportError: an amount has more digits than a column of decimals.
        OSError: the file cannot be written.
    """
    columns = len(run.columns)
    names = _names(run)
    types = [*[pl.String()] * columns, *_TYPES.values()]
    writer = _Writer(path, dict(zip(names, types, strict=True)))

    def write(outcomes: Outcomes) -> None:
        cells = zip(*list_cells(outcomes, columns), strict=True)
        values = result_values(outcomes, columns, reveal_pins=reveal_pins)
        series = [_texts(name, column) for name, column in zip(names[:columns], cells, strict=True)]
        for name, field, column in zip(names[columns:], RESULT_FIELDS, values, strict=True):
            series.append(_series(name, field, column))
        writer.write(pl.DataFrame(series))

    with writer:
        yield write


class _Writer:
    """Writes frames in a thread, which polars asks for the next one."""

    def __init__(self, path: Path, schema: dict[str, pl.DataType]) -> None:
        self._path = path
        self._schema = schema
        self._frames: Queue[pl.DataFrame | None] = Queue(_WAITING)
        self._is_over = False
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="parquet-writer")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._frames.put(None)
        self._thread.join()
        if kind is None:
            self._demand_alive()

    def write(self, frame: pl.DataFrame) -> None:
        """Hand a frame over; waits while too many are on their way."""
        self._demand_alive()
        self._frames.put(frame)

    def _run(self) -> None:
        try:
            source = register_io_source(self._taken, schema=self._schema)
            source.sink_parquet(self._path, row_group_size=GROUP_ROWS, maintain_order=True)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the rows come from
            self._failure = error
            for _ in self._taken():  # or whoever hands frames over would wait for ever
                pass

    def _taken(self, *_: object) -> Iterator[pl.DataFrame]:
        while not self._is_over:
            if (frame := self._frames.get()) is None:
                self._is_over = True
            else:
                yield frame

    def _demand_alive(self) -> None:
        if isinstance(self._failure, pl.exceptions.PolarsError):
            raise OSError(str(self._failure)) from self._failure
        if self._failure is not None:
            raise self._failure


def _names(run: Run) -> list[str]:
    """Name the columns, none like another and each with a name."""
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
            _demand_fits(field, amount)
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
    """Show half a surrogate pair, which has no UTF-8 form, as its code."""
    return text.encode(errors="backslashreplace").decode()


def _demand_fits(field: str, amount: str) -> None:
    whole, _, fraction = amount.lstrip("-").partition(".")
    if len(whole) > DIGITS - DECIMALS or len(fraction) > DECIMALS:
        raise ReportError(
            f"The {field} {amount} has more digits than Parquet's decimals hold ({DIGITS - DECIMALS} before the mark, "
            f"{DECIMALS} after it); write the report as csv, xlsx or jsonl."
        )
