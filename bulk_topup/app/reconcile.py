"""Reconciles list, ledger, DVS and wallets, and applies what a transaction proves; prints nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bulk_topup.app.open_list import open_job_list, open_job_table, open_run_list, with_kept_choice
from bulk_topup.app.preflight import PayingAccount, check_same_account
from bulk_topup.app.side_by_side import OnProgress, SideBySide
from bulk_topup.domain.attempt import MAY_ARRIVE
from bulk_topup.domain.run import Run, possible_ids
from bulk_topup.domain.totals import Observation
from bulk_topup.domain.wallets import balances_by_unit
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.account import Balance
from bulk_topup.errors import InvalidInputError, ListError, MappingError
from bulk_topup.intake import ListReader
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.snapshot import job_from_run
from bulk_topup.ledger import LedgerStore, run_locks
from bulk_topup.reconcile.apply import Applied, apply
from bulk_topup.reconcile.compare import Comparison, compare_window
from bulk_topup.reconcile.discrepancies import Discrepancy
from bulk_topup.reconcile.list_changes import ListFigures, changed_lines, contradictions
from bulk_topup.reconcile.scope import Scope
from bulk_topup.reconcile.wallets import WalletFigures, wallet_figures
from bulk_topup.system.clock import Clock, SystemClock

#: How far a window extends beyond the ledger's times, because DVS's clock may differ from ours.
MARGIN: Final = timedelta(minutes=10)
_MINUTES: Final = "%Y-%m-%d %H:%M UTC"
#: The window if neither a run nor a time is given.
LAST_DAY: Final = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A span of creation dates, in UTC, both ends included."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciled:
    """The result of reconciling list, ledger, DVS and wallets."""

    #: The names of the runs that were compared.
    runs: tuple[str, ...]
    window: Window
    #: The run's list; None if all runs of a window were compared.
    list: ListFigures | None
    comparison: Comparison
    wallets: tuple[WalletFigures, ...]
    #: The wallets as they are now, for the next comparison.
    observed: tuple[Observation, ...]
    #: Rows that were updated before this comparison.
    applied: tuple[Applied, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether there are no discrepancies."""
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
    is_strict: bool = False,
    on_progress: OnProgress | None = None,
    clock: Clock | None = None,
) -> Reconciled:
    """Compare a run, or all runs of a window, with DVS's transaction list; nothing is sent.

    Args:
        dvs: an open client.
        payer: the account that paid.
        ledger: an open ledger.
        run: the run; None for all runs of the window.
        job: how the run's list is read; None for the settings of the run's last invocation.
        start, end: the window of creation dates, in UTC; by default that of the run's transactions, or the last 24
            hours.
        is_applied: whether to update rows to what a transaction proves, and compare again.
        is_strict: whether transactions of other programs are discrepancies, as no other program uses the account.
        on_progress: receives the progress of reading DVS's list; None for nobody.
        clock: the source of time.

    Raises:
        RunLockedError: another process works on one of the runs.
        EnvironmentMismatchError, AccountMismatchError: the run belongs to another environment or account.
        DVSError: DVS did not respond.
    """
    clock = clock or SystemClock()
    now, questions = clock.now(), SideBySide(dvs=dvs, clock=clock, on_progress=on_progress)
    if run is not None:
        check_same_account(run, payer)
    window = window_of(run, ledger, now, start, end)
    runs = [run] if run is not None else ledger.runs.between(payer.account, window.start, window.end)
    with run_locks(ledger.path, runs):
        runs = [ledger.runs.again(each) for each in runs]
        run = None if run is None else runs[0]
        scope = _scope(runs, run, window, is_strict=is_strict)
        reconciled = await _compare(scope, run, job, payer, questions, ledger, window, now)
        if is_applied and (applied := await apply(reconciled.comparison, dvs=dvs, ledger=ledger)):
            again = await _compare(scope, run, job, payer, questions, ledger, window, now)
            reconciled = replace(again, applied=tuple(applied))
    ledger.observations.save(payer.account, reconciled.observed)
    return reconciled


def window_of(
    run: Run | None, ledger: LedgerStore, now: datetime, start: datetime | None, end: datetime | None
) -> Window:
    """Return the window to compare: the given ends, and the usual ones for those that are not given.

    A run's window is that of its attempts: from the first intent to the last transaction, and as long after it as a
    request of one without a transaction may arrive. Without an attempt it is open.

    Args:
        run: the run; None for all runs.
        ledger: an open ledger.
        now: the time, in UTC.
        start, end: the given ends, in UTC; None for the usual ones.

    Raises:
        BulkTopupError: the window ends before it begins.
    """
    first, last = now - LAST_DAY, now
    if run is not None:
        first, last = ledger.runs.span(run) or (run.created_at, now)
        first -= MARGIN
        if (unknown_until := ledger.runs.unknown_until(run)) is not None:
            last = max(last, min(unknown_until + MAY_ARRIVE, now))
    start = start or first
    end = end or max(last + MARGIN, start)
    if end < start:
        raise InvalidInputError(
            f"The window ends ({end:{_MINUTES}}) before it begins ({start:{_MINUTES}}). Correct one of them."
        )
    return Window(start=start, end=end)


def _scope(runs: Sequence[Run], named: Run | None, window: Window, *, is_strict: bool) -> Scope:
    jobs = None if named is None else {named.job, *(ids.job for ids in possible_ids(named))}
    return Scope(runs=runs, jobs=jobs, is_strict=is_strict, start=window.start, end=window.end)


async def _compare(
    scope: Scope,
    named: Run | None,
    job: Job | None,
    payer: PayingAccount,
    questions: SideBySide,
    ledger: LedgerStore,
    window: Window,
    now: datetime,
) -> Reconciled:
    dvs = questions.dvs
    observed = ledger.observations.latest(payer.account)
    before = balances_by_unit([balance async for balance in dvs.balances.list()])
    comparison = await compare_window(
        scope,
        dvs=dvs,
        questions=questions,
        ledger=ledger,
        observed={unit: seen.newest for unit, seen in observed.items()},
        now=now,
    )
    after = balances_by_unit([balance async for balance in dvs.balances.list()])
    is_up_to_now = window.end >= now
    unreadable = comparison.unreadable.count
    wallets = wallet_figures(
        before,
        after,
        observed,
        comparison.moved,
        start=window.start,
        is_up_to_now=is_up_to_now,
        unreadable=unreadable,
    )
    comparison.add(discrepancy for wallet in wallets if (discrepancy := wallet.discrepancy))
    is_known = is_up_to_now and before == after and not unreadable
    list_ = None
    if named is not None:
        comparison.add(contradictions(named, ledger))
        list_, discrepancies = compare_list(named, job, ledger)
        comparison.add(discrepancies)
    return Reconciled(
        runs=tuple(run.name for run in scope.runs),
        window=window,
        list=list_,
        comparison=comparison,
        wallets=tuple(wallets),
        # If a wallet changed in the meantime, or a transaction can't be read, it is unknown what its balance includes.
        observed=tuple(_observations(after.values(), comparison, now)) if is_known else (),
    )


def _observations(balances: Iterable[Balance], comparison: Comparison, now: datetime) -> Iterator[Observation]:
    for balance in balances:
        yield Observation(
            at=now,
            unit=balance.unit,
            available=balance.available,
            holding=balance.holding,
            newest=comparison.newest or now,
        )


def compare_list(run: Run, job: Job | None, ledger: LedgerStore) -> tuple[ListFigures, list[Discrepancy]]:
    """Compare a run's list with its rows in the ledger, if the list can still be read.

    Args:
        run: the run.
        job: how its list is read; None for the settings of the run's last invocation.
        ledger: an open ledger.
    """
    rows_in_file: int | None = None
    discrepancies: list[Discrepancy] = []
    unread = ""
    try:
        for part, each in _lists(run):
            rows, changes = changed_lines(run, _open_list(each, None if run.parts else job, ledger), ledger, part=part)
            rows_in_file = rows + (rows_in_file or 0)
            discrepancies += changes
    except (ListError, MappingError) as error:
        rows_in_file, unread = None, str(error)
    figures = ListFigures(
        run=run.name,
        rows_in_file=rows_in_file,
        unread=unread,
        rows=ledger.rows.totals(run),
        left=ledger.rows.totals(run, in_list=False),
    )
    return figures, discrepancies


def _lists(run: Run) -> Iterator[tuple[int, Run]]:
    """Yield the number of each list that a run has, with the run as if it had that list alone."""
    if not run.parts:
        yield 1, run
    for number, part in enumerate(run.parts, start=1):
        if part.list_path:
            yield number, replace(run, list_path=part.list_path, reading=part.reading)


def _open_list(run: Run, job: Job | None, ledger: LedgerStore) -> ListReader:
    if run.purged_at is not None:
        raise ListError("The personal data of the run is purged, so the list can't be compared.")
    if (reading_job := job or job_from_run(run)) is not None:
        reading_job = with_kept_choice(reading_job, run)
        table = open_job_table(reading_job, run, ledger).table
        return open_job_list(reading_job, table, run.reading_version)
    return open_run_list(run, ledger)
