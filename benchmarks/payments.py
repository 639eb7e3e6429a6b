"""Writes and pays lists without user interaction, for the other benchmarks."""

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import Watcher, run_list
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import Runner, RunOptions
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock


class SilentWatcher:
    """A watcher that confirms, and ignores everything else."""

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Ignore the plan."""

    def confirm(self, run_name: str, rows: int) -> None:
        """Confirm the run."""

    def running(self, run: Run, runner: Runner) -> nullcontext[None]:
        """Ignore the progress."""
        del run, runner
        return nullcontext()


def write_list(folder: Path, numbers: Iterable[str]) -> Path:
    """Write a list with one row per number, and return its path."""
    path = folder / "list.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("reference,phone,amount\n")
        file.writelines(f"E-{row},{number},1\n" for row, number in enumerate(numbers))
    return path


async def pay(path: Path, dvs: AsyncDVS, folder: Path, options: RunOptions, watcher: Watcher | None = None) -> None:
    """Pay the rows of a list until all are completed."""
    job = Job(list=str(path), product=6418, allow_duplicates=True).at(SystemClock().now(), Path())
    with LedgerStore(folder / "ledger.db") as ledger:
        finished = await run_list(
            job,
            dvs=dvs,
            payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
            ledger=ledger,
            options=options,
            report=ReportOptions(folder=folder),
            watcher=watcher or SilentWatcher(),
        )
    counts = finished.report.summary.counts
    assert counts[RowState.COMPLETED] == sum(counts.values()), counts
