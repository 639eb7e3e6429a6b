"""Says that a run's list has changed since the run read it, and which rows are sent all the same; reads both."""

from collections.abc import Sequence
from typing import Final

from bulk_topup.app.reconcile import compare_list
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import format_rows, run_arguments
from bulk_topup.errors import BulkTopupError
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.discrepancies import DiscrepancyKind

#: Most lines that are named.
_MAX_NAMED: Final = 20


def changed_list_warnings(run: Run, ledger: LedgerStore) -> list[str]:
    """Return what a person should know of a run's list before the run is resumed; nothing where no row is pending.

    Args:
        run: the run, which is sent as the ledger has it.
        ledger: an open ledger.
    """
    pending = ledger.rows.counts(run)[RowState.PENDING]
    if not pending or run.purged_at is not None or run.closing is not None:
        return []
    try:
        figures, changes = compare_list(run, None, ledger)
        unread = figures.unread
    except (BulkTopupError, OSError) as error:  # a warning must not keep the run from being resumed
        unread, changes = str(error), []
    if unread:
        text = (
            f"{unread.rstrip('.')}. So it is not known whether the list changed. "
            f"{format_rows(pending)} will be sent as the ledger has them."
        )
        return [text]
    if not changes:
        return []
    lines = [change.line for change in changes if change.kind is not DiscrepancyKind.LIST_NEW and change.line]
    old = sorted(ledger.rows.pending_lines(run, lines))
    known = f"{format_rows(len(old))} will be sent that it no longer has: {_name_lines(old)}." if old else ""
    text = (
        f"The list {run.list_path} changed since run {run.name} read it. "
        f"{known or 'All rows that will be sent are still in it.'} To use the list as it is now, stop this, and run "
        f"the list again instead of `bulk-topup resume {run_arguments(run)}`."
    )
    return [text]


def _name_lines(lines: Sequence[int]) -> str:
    more = f" and {len(lines) - _MAX_NAMED:,} more" if len(lines) > _MAX_NAMED else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:_MAX_NAMED]))}{more}"
