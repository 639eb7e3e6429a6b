"""Says that no failed row has a status that is to be retried, and which statuses there are; reads the ledger."""

from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import summarise_groups
from bulk_topup.domain.verdict import format_rows
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.retries import RetryChoice


def retry_warnings(run: Run, ledger: LedgerStore, retry: RetryChoice | None) -> list[str]:
    """Return a warning for each status that a person chose and that no failed row of the run has.

    Args:
        run: the run.
        ledger: an open ledger.
        retry: the rows to retry; None for none.
    """
    if retry is None or not retry.classes:
        return []
    failures = summarise_groups(run, ledger.outcomes.groups(run)).failures
    named = [f"{format_rows(rows)} {status}" for status, rows in failures.items() if status]
    there = f" Failed: {', '.join(named)}." if named else ""
    return [
        f"No failed row of run {run.name} has the status {status}.{there}"
        for status in retry.classes
        if not any(failed == status or failed.partition("-")[0] == status for failed in failures)
    ]
