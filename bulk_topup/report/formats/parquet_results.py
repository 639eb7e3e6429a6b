"""The results as Parquet: a typed column a field, amounts as exact decimals; writes the given path.

A thread passes frames to polars, which writes each as it arrives, so that the file is never in memory as a whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import Tally
from bulk_topup.report.formats.interface import Sink
from bulk_topup.report.frames import Frames

#: Rows of a row group: readers skip or load it as a whole, and it is in memory until it is written.
GROUP_ROWS: Final = 100_000
#: Frames that may wait to be written.
_WAITING: Final = 2


@contextmanager
def parquet_results(path: Path, run: Run, _tally: Tally, /, *, reveal_pins: bool) -> Iterator[Sink]:
    """Yield a sink that writes every row: the list's own columns as text, then the result columns, empty ones as null.

    Raises:
        ReportError: an amount has more digits than a column of decimals.
        OSError: the file cannot be written.
    """
    frames = Frames(run)
    writer = _Writer(path, frames.schema)

    def write(outcomes: Outcomes) -> None:
        writer.write(frames.of(outcomes, reveal_pins=reveal_pins))

    with writer:
        yield write


class _Writer:
    """Writes frames in a thread in which polars requests one after the other."""

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
            self._check_alive()

    def write(self, frame: pl.DataFrame) -> None:
        """Pass a frame to the thread; waits while too many are queued."""
        self._check_alive()
        self._frames.put(frame)

    def _run(self) -> None:
        try:
            source = register_io_source(self._next_frames, schema=self._schema)
            source.sink_parquet(self._path, row_group_size=GROUP_ROWS, maintain_order=True)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that passes the rows
            self._failure = error
            for _ in self._next_frames():  # otherwise write() would wait forever
                pass

    def _next_frames(self, *_: object) -> Iterator[pl.DataFrame]:
        while not self._is_over:
            if (frame := self._frames.get()) is None:
                self._is_over = True
            else:
                yield frame

    def _check_alive(self) -> None:
        if isinstance(self._failure, pl.exceptions.PolarsError):
            raise OSError(str(self._failure)) from self._failure
        if self._failure is not None:
            raise self._failure
