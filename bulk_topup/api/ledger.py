"""Reads a ledger for scripts and notebooks; keeps nothing open between two calls."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from bulk_topup import ledger
from bulk_topup.api.arguments import environment_of, ledger_of
from bulk_topup.app.open_ledger import open_for_reading
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import Summary, summarise_groups
from bulk_topup.errors import LedgerMissingError
from bulk_topup.report.cells import secret_texts
from bulk_topup.report.frames import Frames


class Ledger:
    """A ledger to read, from any thread, also while a run writes to it.

    Args:
        path: the ledger's file; None for `BULK_TOPUP_LEDGER`, or the environment's usual one.
        environment: the environment whose usual ledger is read.

    Raises:
        LedgerMissingError: there is no such file.
        ConfigurationError: there is no such environment.
    """

    def __init__(self, path: Path | str | None = None, *, environment: Environment | str = Environment.SANDBOX) -> None:
        #: The file.
        self.path = ledger_of(path, environment_of(environment))
        if not self.path.exists():
            raise LedgerMissingError(f"No ledger at {self.path}. Check path and environment.")

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r})"

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""
        with self._open() as opened:
            return opened.runs.all()

    def run(self, name: str) -> Run:
        """Return the run of a name.

        Args:
            name: job/run-key, or the run key alone if only one run has it.

        Raises:
            RunNotFoundError: no run, or more than one, has that name.
        """
        with self._open() as opened:
            return opened.runs.named(name)

    def status(self, run: Run | str) -> Summary:
        """Return the number of a run's rows in each state, and its amounts.

        Args:
            run: the run, or its name.

        Raises:
            RunNotFoundError: no run, or more than one, has that name.
        """
        with self._open() as opened:
            found = _resolve(opened, run)
            return summarise_groups(found, opened.outcomes.groups(found))

    def outcomes(self, run: Run | str, *, reveal_pins: bool = False) -> Generator[Outcome, None, None]:
        """Yield every row of a run in list order, as of the first one.

        Args:
            run: the run, or its name.
            reveal_pins: whether to show purchased PINs instead of a mask.

        Raises:
            RunNotFoundError: no run, or more than one, has that name.
        """
        with (
            self._open() as opened,
            closing(opened.outcomes.pages(_resolve(opened, run), open_pins=reveal_pins)) as pages,
        ):
            for page in pages:
                secrets: dict[str, Any] = {
                    name: secret_texts(getattr(page, name), reveal=reveal_pins) for name in SECRET_FIELDS
                }
                yield from replace(page, **secrets).rows()

    def frame(self, run: Run | str, *, reveal_pins: bool = False) -> pl.DataFrame:
        """Return all rows of a run as one frame: the list's columns as text, then `result_` columns with exact amounts.

        Args:
            run: the run, or its name.
            reveal_pins: whether to show purchased PINs instead of a mask.

        Raises:
            RunNotFoundError: no run, or more than one, has that name.
            ReportError: an amount has more digits than a decimal column can hold.
        """
        with self._open() as opened:
            found = _resolve(opened, run)
            frames = Frames(found)
            with closing(opened.outcomes.pages(found, open_pins=reveal_pins)) as pages:
                parts = [frames.of(page, reveal_pins=reveal_pins) for page in pages]
        return pl.concat(parts) if parts else pl.DataFrame(schema=frames.schema)

    def _open(self) -> ledger.LedgerStore:
        return open_for_reading(self.path)


def _resolve(opened: ledger.LedgerStore, run: Run | str) -> Run:
    return opened.runs.named(run) if isinstance(run, str) else run
