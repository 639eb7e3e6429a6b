"""Finds the run that has archived a missing list; reads the ledger."""

from bulk_topup.app.open_ledger import open_for_reading
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import is_open
from bulk_topup.domain.summary import Summary, summarise_groups
from bulk_topup.jobs.job import Job


def find_archived_run(job: Job, options: ProviderOptions) -> tuple[Run, Summary] | None:
    """Return the ended run whose list may be in the archive; None if it is open, unknown, or archives nothing.

    Args:
        job: the job whose list is missing, its dates rendered.
        options: environment and ledger.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if job.archive is None or not options.ledger.exists():
        return None
    with open_for_reading(options.ledger) as ledger:
        run = ledger.runs.find(job.name, str(job.run_key))
        if run is None or run.environment != options.environment or is_open(ledger.rows.counts(run)):
            return None
        return run, summarise_groups(run, ledger.outcomes.groups(run))
