"""Stops a run whose ledger lacks transactions that DVS has of it, as an old backup does; reads DVS and the ledger."""

from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bulk_topup.domain.earlier_identities import has_id_of_run
from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.identity import looks_like
from bulk_topup.domain.run import Run, possible_ids
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import run_arguments
from bulk_topup.dvs import AsyncDVS, DVSError, UnauthorizedError
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.dvs.unreadable import UnreadableEntry
from bulk_topup.errors import LedgerBehindError, NotComparedError
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.lookup import find_by_external_id, listed_transaction

#: How long before the newest known transaction of a run DVS's list is read: transactions may be listed out of order.
MARGIN: Final = timedelta(minutes=1)
#: How long before the run's beginning if no transaction of it is known: DVS's clock may differ from ours.
CLOCK_MARGIN: Final = timedelta(minutes=10)
#: How long a window DVS lists at once.
LONGEST_WINDOW: Final = timedelta(hours=24)
#: Most transactions of the list that are read.
MAX_LISTED: Final = 1_000
#: The same where failed rows are sent again: usually most of them are the run's own since the first failure.
MAX_SINCE_FAILURE: Final = 10_000
#: Most pages of days without any, of which each has one: those of more than a year.
MAX_EMPTY_PAGES: Final = 400
#: Rows that are looked up one by one where the list has more: those that would be sent first.
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


_Listed = TransactionOutcome | UnreadableEntry


@dataclass(kw_only=True, slots=True)
class _Unknown:
    """Listed transactions that have the form of the run's external IDs, and that the ledger lacks."""

    #: By external ID; those that can't be read in the list are entries.
    listed: dict[str, _Listed] = field(default_factory=dict)
    #: Whether the list was read to its end.
    is_whole: bool = True


async def check_not_restored(run: Run, *, dvs: AsyncDVS, ledger: LedgerStore, now: datetime, retries: int = 0) -> int:
    """Raise LedgerBehindError if DVS has transactions of the run that the ledger lacks.

    DVS would refuse the external IDs of rows that the ledger has, but not those of rows that were corrected, added or
    closed in the ledger that is gone. Where failed rows are sent again, a payment of the run for no row of it, made
    since they failed, may be that of one of them after a correction.

    Args:
        run: the run, whose lock the caller holds, with its list merged.
        dvs: an open client.
        ledger: an open ledger.
        now: the time, in UTC.
        retries: failed rows that get a new attempt.

    Returns:
        How many transactions DVS lists that have the form of the run's and are of another ledger.

    Raises:
        LedgerBehindError: DVS has such transactions. Nothing was sent.
        NotComparedError: DVS's list can't be read, which is not taken for an empty list. Nothing was sent.
        UnauthorizedError: DVS refused the API credentials.
    """
    try:
        start, end = window_to_read(run, ledger, now)
        unknown = await _find_unknown(run, dvs, ledger, start, end, most=MAX_LISTED)
        lacking = ledger.lacking_ids.of_run(run, unknown.listed) if unknown.listed else set()
        if not lacking and not unknown.is_whole:
            candidates = ledger.lacking_ids.next(run, NEXT_ROWS)
            lacking = {id_ for id_ in candidates if await find_by_external_id(dvs, id_) is not None}
        of_no_row: set[str] = set()
        if not lacking:
            of_no_row = await _payments_of_no_row(run, dvs, ledger, end, is_retried=retries > 0)
    except UnauthorizedError:
        raise
    except DVSError as error:
        raise NotComparedError(
            f"DVS's list of transactions can't be read, so it is unknown whether the ledger {ledger.path} has all of "
            f"run {run.name}. Nothing was sent. {str(error).rstrip('.')}. Run again once DVS responds."
        ) from error
    others = len(unknown.listed.keys() - lacking)
    if lacking:
        raise LedgerBehindError(_message(run, ledger, lacking, others))
    if of_no_row:
        raise LedgerBehindError(_message_of_no_row(run, ledger, of_no_row))
    return others


async def _find_unknown(
    run: Run, dvs: AsyncDVS, ledger: LedgerStore, start: datetime, end: datetime, *, most: int
) -> _Unknown:
    """Return listed transactions of the run's form that the ledger lacks."""
    found = _Unknown()
    read = empty = 0
    listed = dvs.transaction_outcomes.list(from_date=start, to_date=end)
    async with aclosing(listed.pages()) as pages:
        async for page in pages:
            if (read >= most and not page.is_empty) or empty == MAX_EMPTY_PAGES:
                found.is_whole = False
                break
            read += len(page.items) + len(page.unreadable)
            empty += page.is_empty
            stated: dict[str, _Listed] = {each.external_id: each for each in page.items}
            stated |= {each.external_id: each for each in page.unreadable if each.external_id is not None}
            ids = {id_ for id_ in stated if looks_like({run.ids.job, run.job}, id_)}
            if ids:
                found.listed |= {id_: stated[id_] for id_ in ledger.lacking_ids.unknown(ids)}
    return found


async def _payments_of_no_row(
    run: Run, dvs: AsyncDVS, ledger: LedgerStore, end: datetime, *, is_retried: bool
) -> set[str]:
    """Return the external IDs of payments of the run since rows failed that are sent again, for no row that it has.

    With a policy, rows that are open may fail and be sent again in this invocation, so they count too.
    What was sent tells the ID of a row without a reference, so that payments of other runs are not among them.
    """
    has_policy = guards_of(run.guards).retry.attempts > 1
    created_at, intent_at = ledger.lacking_ids.first_failure(run, is_retried=is_retried, has_policy=has_policy)
    starts = [created_at - MARGIN] if created_at is not None else []
    # Without a transaction, the time is that of this machine's clock.
    starts += [intent_at - CLOCK_MARGIN] if intent_at is not None else []
    if not starts:
        return set()
    unknown = (await _find_unknown(run, dvs, ledger, min(starts), end, most=MAX_SINCE_FAILURE)).listed
    versions = possible_ids(run)
    found = set()
    for id_ in ledger.lacking_ids.of_no_row(unknown):
        entry = unknown[id_]
        if isinstance(entry, UnreadableEntry):
            entry = await dvs.transaction_outcomes.read_again(entry)
        listed = listed_transaction(entry)
        if listed.may_pay and has_id_of_run(versions, listed):
            found.add(id_)
    return found


def format_others(others: int) -> str:
    """Return how many transactions of another ledger there are, for people: `1 transaction of another ledger`."""
    return f"{others:,} {'transaction' if others == 1 else 'transactions'} of another ledger"


def _message(run: Run, ledger: LedgerStore, lacking: set[str], others: int) -> str:
    beside = f" DVS also lists {format_others(others)}." if others else ""
    return (
        f"The ledger {ledger.path} is older than run {run.name}: DVS has {_count(lacking, 'transaction')} of its rows "
        f"that the ledger lacks ({_names(lacking)}). A backup may have been restored, or another ledger pays the same "
        f"run. Nothing was sent.{beside} Add them to the ledger, which sends nothing: "
        f"`bulk-topup reconcile --rebuild {run_arguments(run)}`. Then "
        "continue."
    )


def _message_of_no_row(run: Run, ledger: LedgerStore, of_no_row: set[str]) -> str:
    return (
        f"The ledger {ledger.path} is older than run {run.name}: DVS has {_count(of_no_row, 'payment')} of it for rows "
        f"that the ledger does not have ({_names(of_no_row)}). A failed row may have been corrected after a backup "
        "that was restored, and its old value may not be paid as well. Nothing was sent. Give the corrections again, "
        "with the run's list and --corrections, or run the list that has the rows, with --add where it needs that. "
        f"Then rebuild the run, `bulk-topup reconcile --rebuild {run_arguments(run)}`, and continue. If neither is "
        f"left, close the run: `bulk-topup close {run_arguments(run)} --reason TEXT`."
    )


def _count(external_ids: set[str], noun: str) -> str:
    return f"1 {noun}" if len(external_ids) == 1 else f"{len(external_ids):,} {noun}s"


def _names(external_ids: set[str]) -> str:
    more = f" and {len(external_ids) - _MAX_NAMED:,} more" if len(external_ids) > _MAX_NAMED else ""
    return f"{', '.join(sorted(external_ids)[:_MAX_NAMED])}{more}"
