"""Which run is meant where none is named, and whether a list that is gone was paid; reads the ledger."""

from pathlib import Path

import click

from bulk_topup.app.archived_run import ended_run
from bulk_topup.cli.quiet import Ended, Mark
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.states import RowState
from bulk_topup.jobs.job import NoListError
from bulk_topup.security.terminal_text import printable


def end_if_archived(missing: NoListError, provider: ProviderOptions, folder: Path) -> None:
    """End a start whose list is gone because its run has ended and archived it; return where that is not so.

    What the run did is known from the ledger; a list that comes later is read as ever.

    Args:
        missing: the list that is gone.
        provider: where the run's money is.
        folder: that of the run's report.
    """
    if (ended := ended_run(missing.job, provider)) is None:
        return
    run, summary = ended
    told = ", ".join(f"{count} {state}" for state, count in summary.counts.items() if count)
    click.echo(
        printable(
            f"Run {run.name} has ended ({told}), and its list is in the archive {missing.job.archive}. Nothing was "
            "sent. To correct rows, put the list back."
        )
    )
    code = 0 if summary.counts[RowState.COMPLETED] == summary.rows else 1
    raise Ended(code, Mark.of(run, provider.ledger, folder, code), is_news=False)
