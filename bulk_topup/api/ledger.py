"""Looks at a ledger for scripts and notebooks; only reads, and keeps nothing open between two questions."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import polars as pl

from bulk_topup import ledger
from bulk_topup.api.arguments import environment_of, ledger_of
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import Summary, summarise_groups
from bulk_topup.errors import LedgerError
from bulk_topup.report.cells import secret_texts
from bulk_topup.report.frames import Frames


class Ledger:
    """A ledger to look at, also while a run writes to it, and from any thread; runs are written by `run_job` alone.

    Args:
        path: the ledger's file; None for `BULK_TOPUP_LEDGER`, or the environment's usual one.
        environment: whose ledger, where no file is named.

    Raises:
        LedgerError: there is no such file.
        ConfigurationError: there is no such environment.
    """

    def __init__(self, path: Path | str | None = None, *, environment: Environment | str = Environment.SANDBOX) -> None:
        #: The file.
        self.path = ledger_of(path, environment_of(environment))
        if not self.path.exists():
            raise LedgerError(f"There is no ledger at {self.path}; name another file, or start a run first.")

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r})"

    def runs(self) -> list[Run]:
        """Give all runs, oldest first."""
        with self._open() as opened:
            return opened.runs.all()

    def run(self, name: str) -> Run:
        """Give the run of a name: job/run key, or the run key alone where only one run has it.

        Raises:
            RunNotFoundError: no run, or more than one, goes by that name.
        """
        with self._open() as opened:
            return opened.runs.named(name)

    def status(self, run: Run | str) -> Summary:
        """Give a run's rows by their states, and its money.

        Raises:
            RunNotFoundError: no run, or more than one, goes by that name.
        """
        with self._open() as opened:
            found = _found(opened, run)
            return summarise_groups(found, opened.outcomes.groups(found))

    def outcomes(self, run: Run | str, *, reveal_pins: bool = False) -> Generator[Outcome, None, None]:
        """Give every row of a run in list order, one at a time, as they stand at the beginning.

        Args:
            run: the run, or its name.
            reveal_pins: give purchased PINs, and not only that there are some.

        Raises:
            RunNotFoundError: no run, or more than one, goes by that name.
        """
        with (
            self._open() as opened,
            closing(opened.outcomes.pages(_found(opened, run), open_pins=reveal_pins)) as pages,
        ):
            for page in pages:
                codes = secret_texts(page.pin_code, reveal=reveal_pins)
                serials = secret_texts(page.pin_serial, reveal=reveal_pins)
                yield from replace(page, pin_code=codes, pin_serial=serials).rows()

    def frame(self, run: Run | str, *, reveal_pins: bool = False) -> pl.DataFrame:
        """Give every row of a run in one frame: the list's columns as text, then `result_` columns; amounts are exact.

        Args:
            run: the run, or its name.
            reveal_pins: give purchased PINs, and not only that there are some.

        Raises:
            RunNotFoundError: no run, or more than one, goes by that name.
            ReportError: an amount has more digits than a column of decimals.
        """
        with self._open() as opened:
            found = _found(opened, run)
            frames = Frames(found)
            with closing(opened.outcomes.pages(found, open_pins=reveal_pins)) as pages:
                made = [frames.of(page, reveal_pins=reveal_pins) for page in pages]
        return pl.concat(made) if made else pl.DataFrame(schema=frames.schema)

    def _open(self) -> ledger.LedgerStore:
        return ledger.LedgerStore(self.path, read_only=True)


def _found(opened: ledger.LedgerStore, run: Run | str) -> Run:
    return opened.runs.named(run) if isinstance(run, str) else run
