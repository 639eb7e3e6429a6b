"""Closes a run: nothing more of it is sent, and what was sent is followed to its end by `resume`; sends nothing."""

from dataclasses import dataclass

from bulk_topup.app.remote_list.kept_copies import remove_ended_copies
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore, run_lock


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedRun:
    """A run that was closed."""

    run: Run
    #: Rows that were pending, and are refused now.
    refused: int
    #: Rows whose outcome is still to come.
    open: int


def close_run(run: Run, *, ledger: LedgerStore, by: str, reason: str) -> ClosedRun:
    """Close a run for good.

    Args:
        run: the run.
        ledger: an open ledger.
        by: the user name of the person who decided it.
        reason: why.

    Raises:
        RunLockedError: another process works on the run.
        ClosedRunError: it is closed already.
    """
    with run_lock(ledger.path, run.job, run.run_key):
        closed, refused = ledger.closed_runs.close(run, by=by, reason=reason)
        counts = ledger.rows.counts(closed)
        remove_ended_copies(closed, ledger)
    return ClosedRun(run=closed, refused=refused, open=counts[RowState.IN_FLIGHT] + counts[RowState.ACCEPTED])
