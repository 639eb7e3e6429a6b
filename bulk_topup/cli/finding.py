"""Which run is meant where none is named, and whether a list that is gone was paid; reads the ledger."""

from pathlib import Path

import click

from bulk_topup.cli.existing import existing_ledger
from bulk_topup.cli.provider_options import ProviderOptions
from bulk_topup.cli.quiet import Ended, Mark
from bulk_topup.errors import RunNotFoundError
from bulk_topup.jobs import NoListError
from bulk_topup.ledger import Ledger
from bulk_topup.printable import printable
from bulk_topup.records import Run
from bulk_topup.runs import is_open
from bulk_topup.states import RowState


def run_to_retry(ledger: Ledger, name: str) -> Run:
    """Give the run of that name, or the run of a job of that name that was begun last.

    Raises:
        RunNotFoundError: the ledger has none.
    """
    if "/" in name:
        return ledger.run_named(name)
    runs = [run for run in ledger.runs() if run.job == name]
    if not runs:
        raise RunNotFoundError(f"The ledger has no run of the job {name} yet; `bulk-topup status` lists those it has.")
    return max(runs, key=lambda run: run.created_at)


def end_if_archived(missing: NoListError, provider: ProviderOptions, folder: Path) -> None:
    """End a start whose list is gone because its run has ended and archived it; return where that is not so.

    What the run did is known from the ledger; a list that comes later is read as ever.

    Args:
        missing: the list that is gone.
        provider: where the run's money is.
        folder: that of the run's report.
    """
    job = missing.job
    if job.archive is None or not provider.ledger.exists():
        return
    with existing_ledger(provider, read_only=True) as ledger:
        run = ledger.find_run(job.name, str(job.run_key))
        if run is None or run.environment != provider.environment or is_open(counts := ledger.counts(run)):
            return
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    click.echo(
        printable(
            f"Run {run.name} has ended ({told}), and its list is in the archive {job.archive}. Nothing was sent. To "
            "correct rows, put the list back."
        )
    )
    code = 0 if counts[RowState.COMPLETED] == sum(counts.values()) else 1
    raise Ended(code, Mark.of(run, provider.ledger, folder, code), is_news=False)
