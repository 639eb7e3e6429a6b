"""Stops a run whose ledger lacks transactions that DVS has of it, as an old backup does; reads DVS and the ledger."""

from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.identity import looks_like
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import run_arguments
from bulk_topup.dvs import AsyncDVS, DVSError, UnauthorizedError
from bulk_topup.errors import LedgerBehindError, NotComparedError
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.lookup import find_by_external_id

#: How long before the newest known transaction of a run DVS's list is read: transactions may be listed out of order.
MARGIN: Final = timedelta(minutes=1)
#: How long before the run's beginning if no transaction of it is known: DVS's clock may differ from ours.
CLOCK_MARGIN: Final = timedelta(minutes=10)
#: How long a window DVS lists at once.
LONGEST_WINDOW: Final = timedelta(hours=24)
#: Most pages of the list that are read.
MAX_PAGES: Final = 10
#: Rows that are looked up one by one where the list has more pages: those that would be sent first.
NEXT_ROWS: Final = 10
#: Most external IDs that a message names.
_MAX_NAMED: Final = 3


def has_rows_to_send(run: Run, ledger: LedgerStore, *, retries: int = 0) -> bool:
    """Return True if a run that goes on may send anything: pending rows, rows in flight, or rows again that fail.

    Args:
        run: the run.
        ledger: an open ledger.
        retries: failed rows that get a new attempt.
    """
    counts = ledger.rows.counts(run)
    rows = counts[RowState.PENDING] + counts[RowState.IN_FLIGHT] + retries
    if guards_of(run.guards).retry.attempts > 1:
        rows += counts[RowState.ACCEPTED]
    return run.closing is None and rows > 0


def window_to_read(run: Run, ledger: LedgerStore, now: datetime) -> tuple[datetime, datetime]:
    """Return the span of creation dates in which DVS has what the ledger may lack of a run, in UTC.

    Args:
        run: the run.
        ledger: an open ledger.
        now: the time, in UTC.
    """
    newest = ledger.lacking_ids.newest(run)
    start = run.created_at - CLOCK_MARGIN if newest is None else newest - MARGIN
    # DVS lists up to 24 hours at once, and its clock may be ahead of ours.
    return start, max(start + LONGEST_WINDOW - timedelta(seconds=1), now + CLOCK_MARGIN)


async def check_not_restored(run: Run, *, dvs: AsyncDVS, ledger: LedgerStore, now: datetime) -> int:
    """Raise LedgerBehindError if DVS has transactions of rows that may be sent which the ledger lacks.

    DVS would refuse these rows' external IDs anyway, but not those of rows that were corrected, added or closed in the
    ledger that is gone.

    Args:
        run: the run, whose lock the caller holds, with its list merged.
        dvs: an open client.
        ledger: an open ledger.
        now: the time, in UTC.

    Returns:
        How many transactions DVS lists that have the form of the run's and are of another ledger.

    Raises:
        LedgerBehindError: DVS has such transactions. Nothing was sent.
        NotComparedError: DVS's list can't be read, which is not taken for an empty list. Nothing was sent.
        UnauthorizedError: DVS refused the API credentials.
    """
    try:
        unknown, is_whole = await _unknown_ids(run, dvs, ledger, now)
        lacking = ledger.lacking_ids.of_run(run, unknown) if unknown else set()
        if not lacking and not is_whole:
            candidates = ledger.lacking_ids.next(run, NEXT_ROWS)
            lacking = {id_ for id_ in candidates if await find_by_external_id(dvs, id_) is not None}
    except UnauthorizedError:
        raise
    except DVSError as error:
        raise NotComparedError(
            f"DVS's list of transactions can't be read, so it is unknown whether the ledger {ledger.path} has all of "
            f"run {run.name}. Nothing was sent. {str(error).rstrip('.')}. Run again once DVS responds."
        ) from error
    others = len(unknown - lacking)
    if lacking:
        raise LedgerBehindError(_message(run, ledger, lacking, others))
    return others


async def _unknown_ids(run: Run, dvs: AsyncDVS, ledger: LedgerStore, now: datetime) -> tuple[set[str], bool]:
    """Return listed external IDs of the run's form that the ledger lacks, and whether the list was read to its end."""
    start, end = window_to_read(run, ledger, now)
    unknown: set[str] = set()
    read = 0
    listed = dvs.transaction_outcomes.list(from_date=start, to_date=end)
    async with aclosing(listed.pages()) as pages:
        async for page in pages:
            if read == MAX_PAGES:
                return unknown, False
            read += 1
            stated = [each.external_id for each in page.items] + [each.external_id or "" for each in page.unreadable]
            ids = {each for each in stated if looks_like({run.ids.job, run.job}, each)}
            if ids:
                unknown |= ledger.lacking_ids.unknown(ids)
    return unknown, True


def format_others(others: int) -> str:
    """Return how many transactions of another ledger there are, for people: `1 transaction of another ledger`."""
    return f"{others:,} {'transaction' if others == 1 else 'transactions'} of another ledger"


def _message(run: Run, ledger: LedgerStore, lacking: set[str], others: int) -> str:
    count = "1 transaction" if len(lacking) == 1 else f"{len(lacking):,} transactions"
    names = ", ".join(sorted(lacking)[:_MAX_NAMED])
    more = f" and {len(lacking) - _MAX_NAMED:,} more" if len(lacking) > _MAX_NAMED else ""
    beside = f" DVS also lists {format_others(others)}." if others else ""
    return (
        f"The ledger {ledger.path} is older than run {run.name}: DVS has {count} of its rows that the ledger lacks "
        f"({names}{more}). A backup may have been restored, or another ledger pays the same run. Nothing was "
        f"sent.{beside} Add them to the ledger, which sends nothing: "
        f"`bulk-topup reconcile --rebuild {run_arguments(run)}`. Then "
        "continue."
    )
