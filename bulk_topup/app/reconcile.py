"""Comparing list, ledger, provider and wallet, and mending what differs, for scripts and for the command line."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bulk_topup.app.plan import open_job_list
from bulk_topup.app.preflight import PayingAccount, check_same_account
from bulk_topup.domain.run import Run
from bulk_topup.domain.totals import Observation
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.account import Balance
from bulk_topup.errors import BulkTopupError, ListError, MappingError
from bulk_topup.intake import Formats, ListReader, ListSource, read_list
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.snapshot import job_of
from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.reconcile.compare import Applied, Comparison, apply, compare_window
from bulk_topup.reconcile.discrepancies import Discrepancy
from bulk_topup.reconcile.list_changes import ListFigures, changed_lines, contradictions
from bulk_topup.reconcile.wallets import WalletFigures, wallet_figures
from bulk_topup.system.clock import Clock, SystemClock

#: How far a window reaches beyond the times of our own clock, as the provider's may go differently.
MARGIN: Final = timedelta(minutes=10)
#: The window when neither a run nor a time is named.
LAST_DAY: Final = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A span of creation dates, in UTC, both ends included."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciled:
    """What a comparison of list, ledger, provider and wallet gave."""

    #: The names of the runs that were compared.
    runs: tuple[str, ...]
    window: Window
    #: The list, where one run was named.
    list: ListFigures | None
    comparison: Comparison
    wallets: tuple[WalletFigures, ...]
    #: What the next comparison compares the wallets with.
    observed: tuple[Observation, ...]
    #: Rows that were moved before the comparison that is told here.
    applied: tuple[Applied, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.comparison.counts


async def reconcile(
    *,
    dvs: AsyncDVS,
    payer: PayingAccount,
    ledger: LedgerStore,
    run: Run | None = None,
    job: Job | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    is_applied: bool = False,
    clock: Clock | None = None,
) -> Reconciled:
    """Compare a run, or everything of a window, with what the provider lists; nothing is sent.

    Args:
        dvs: an open client.
        payer: whose account the client is for.
        ledger: an open ledger.
        run: the run; None for all runs of the window.
        job: how the run's list is read; None for as it was at the run's last start.
        start, end: the window of creation dates, in UTC; by default the run from its first intent to now, or the last
            24 hours.
        is_applied: move what a transaction proves, then compare again.
        clock: where time comes from.

    Raises:
        RunLockedError: another process works on a run that is compared.
        OtherEnvironmentError, OtherAccountError: the run belongs to another account.
        DVSError: the provider did not answer.
    """
    now = (clock or SystemClock()).now()
    if run is not None:
        check_same_account(run, payer)
    window = _window(run, ledger, now, start, end)
    runs = [run] if run is not None else ledger.runs_between(payer.account, window.start, window.end)
    with ExitStack() as locks:
        for each in runs:
            locks.enter_context(run_lock(ledger.path, each.job, each.run_key))
        reconciled = await _compare(runs, run, job, payer, dvs, ledger, window, now)
        if is_applied and (applied := await apply(reconciled.comparison, dvs=dvs, ledger=ledger)):
            again = await _compare(runs, run, job, payer, dvs, ledger, window, now)
            reconciled = replace(again, applied=tuple(applied))
    ledger.observe(payer.account, reconciled.observed)
    return reconciled


def _window(
    run: Run | None, ledger: LedgerStore, now: datetime, start: datetime | None, end: datetime | None
) -> Window:
    """Give the window that is stated, completed by what is usual."""
    first, last = now - LAST_DAY, now
    if run is not None:
        first, last = ledger.span(run) or (run.created_at, now)
        first, last = first - MARGIN, max(last, now)
    start = start or first
    end = end or max(last + MARGIN, start)
    if end < start:
        raise BulkTopupError(f"The window ends ({end.isoformat()}) before it begins ({start.isoformat()}).")
    return Window(start=start, end=end)


async def _compare(
    runs: Sequence[Run],
    named: Run | None,
    job: Job | None,
    payer: PayingAccount,
    dvs: AsyncDVS,
    ledger: LedgerStore,
    window: Window,
    now: datetime,
) -> Reconciled:
    observed = ledger.observed(payer.account)
    before = [balance async for balance in dvs.balances.list()]
    comparison = await compare_window(
        dvs=dvs,
        ledger=ledger,
        runs=runs,
        job=None if named is None else named.job,
        start=window.start,
        end=window.end,
        observed={unit: seen.newest for unit, seen in observed.items()},
    )
    after = [balance async for balance in dvs.balances.list()]
    is_up_to_now = window.end >= now
    wallets = wallet_figures(before, after, observed, comparison.moved, start=window.start, is_up_to_now=is_up_to_now)
    comparison.add(discrepancy for wallet in wallets if (discrepancy := wallet.discrepancy))
    list_ = None
    if named is not None:
        comparison.add(contradictions(named, ledger))
        list_, differences = _compare_list(named, job, ledger)
        comparison.add(differences)
    return Reconciled(
        runs=tuple(run.name for run in runs),
        window=window,
        list=list_,
        comparison=comparison,
        wallets=tuple(wallets),
        # Where it moved meanwhile, nobody knows which transactions it had taken in.
        observed=tuple(_seen(after, comparison, now)) if is_up_to_now and before == after else (),
    )


def _seen(balances: Sequence[Balance], comparison: Comparison, now: datetime) -> Iterator[Observation]:
    for balance in balances:
        yield Observation(
            at=now,
            unit=balance.unit,
            available=balance.available,
            holding=balance.holding,
            newest=comparison.newest or now,
        )


def _compare_list(run: Run, job: Job | None, ledger: LedgerStore) -> tuple[ListFigures, list[Discrepancy]]:
    """Read a run's list again, where it is still there, and compare it with what the run has read."""
    rows_in_file: int | None = None
    differences: list[Discrepancy] = []
    unread = ""
    try:
        rows_in_file, differences = changed_lines(run, _open_list(run, job), ledger)
    except (ListError, MappingError) as error:
        unread = str(error)
    figures = ListFigures(
        run=run.name,
        rows_in_file=rows_in_file,
        unread=unread,
        rows=ledger.row_totals(run),
        left=ledger.row_totals(run, in_list=False),
    )
    return figures, differences


def _open_list(run: Run, job: Job | None) -> ListReader:
    if run.purged_at is not None:
        raise ListError("the personal data of the run was removed, so nothing is left to compare its rows with.")
    if (known := job or job_of(run)) is not None:
        return open_job_list(known)
    return read_list(ListSource(path=Path(run.list_path)), mapping={}, constants={}, formats=Formats())
