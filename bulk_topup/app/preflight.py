"""Every check that must pass before anything is sent; reads the ledger and changes nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bulk_topup.app.prepare import Prepared
from bulk_topup.app.repetitions import check_not_paid, how_to_fix
from bulk_topup.domain.earlier_run import EarlierRun, check_earlier_runs
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.guards import Caps, Mode, guards_of
from bulk_topup.domain.money import PRECISE, format_money
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import format_rows, run_arguments
from bulk_topup.errors import (
    AccountMismatchError,
    BalanceTooLowError,
    ClosedRunError,
    EnvironmentMismatchError,
    GuardError,
    ModeMismatchError,
    PurgedRunError,
    RowsRefusedError,
    RunNotRebuiltError,
)
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.plan import BalanceCheck, GuardCheck, check_caps


@dataclass(frozen=True, kw_only=True, slots=True)
class PayingAccount:
    """The account that pays a run; it is the same from the run's first invocation to its last."""

    environment: Environment
    #: Names the account, e.g. `AsyncDVS.account`.
    account: str
    #: Whether this is the run's account although its name changed.
    same_account: bool = False


def add_costs(first: Mapping[str, Decimal], second: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the sum of two costs by currency."""
    units = {**first, **second}
    return {unit: PRECISE.add(first.get(unit, Decimal(0)), second.get(unit, Decimal(0))) for unit in units}


def check_before_reading(
    job: Job,
    found: Run | None,
    payer: PayingAccount,
    ledger: LedgerStore,
    now: datetime,
    *,
    leave_open: str | None = None,
) -> tuple[EarlierRun, ...]:
    """Check, before the list is read, that the job's run may be started or continued.

    Args:
        job: the job, its dates rendered.
        found: the job's run; None for a new one.
        payer: the account that pays.
        ledger: an open ledger.
        now: the time, in UTC.
        leave_open: why earlier runs of the job stay open; None if they stop a new one.

    Returns:
        The earlier runs of the job with open rows, where the run is new.

    Raises:
        PurgedRunError: the beneficiaries of the run, or of payments that a velocity limit counts, are purged.
        RunNotRebuiltError: a rebuild of the run was interrupted.
        ClosedRunError: the run is closed.
        EnvironmentMismatchError, AccountMismatchError: the run belongs to another environment or account.
        ModeMismatchError: rows of the run were sent in another mode.
        EarlierRunOpenError: the run is new, and an earlier run of the job has rows pending or in flight.
    """
    check_velocity_history(job, ledger, now)
    if found is not None:
        check_not_purged(found)
        check_is_rebuilt(found)
        check_not_closed(found, ledger)
        check_same_account(found, payer)
        check_same_mode(found, job.mode, ledger)
    earlier = find_earlier_runs(job, found, payer.environment, ledger)
    if leave_open is None:
        check_earlier_runs(f"{job.name}/{job.run_key}", earlier)
    return earlier


def find_earlier_runs(
    job: Job, found: Run | None, environment: Environment, ledger: LedgerStore
) -> tuple[EarlierRun, ...]:
    """Return the open runs of a job beside which a new run would start.

    Args:
        job: the job, its dates rendered.
        found: the job's run; None for a new one.
        environment: where it would be paid.
        ledger: an open ledger.
    """
    if found is not None or job.is_bare_list:
        return ()
    return ledger.closed_runs.earlier(job.name, str(job.run_key), environment)


def check_plan(job: Job, prepared: Prepared, ledger: LedgerStore) -> None:
    """Check that a list was not paid already, has no refused rows, breaks no guard, and is covered by the wallets.

    Args:
        job: the job, which may skip refused rows.
        prepared: its list, checked and staged.
        ledger: an open ledger.

    Raises:
        AlreadyPaidError: other runs have paid the list.
        RowsRefusedError: rows are refused, and the job does not skip them.
        GuardError: a cap or a control total does not allow the run.
        BalanceTooLowError: a wallet does not cover its part of the cost.
    """
    plan = prepared.plan
    check_not_paid(job, prepared.difference.earlier, plan.rows, ledger)
    if plan.to_fix and not job.skip_refused:
        others = ", or add --skip-refused to pay the others" if prepared.difference.to_send else ""
        fix = how_to_fix(plan.to_fix, prepared.difference.earlier.refused)
        raise RowsRefusedError(f"{plan.to_fix:,} of {format_rows(plan.rows)} refused. Nothing was sent. {fix}{others}.")
    check_guards(prepared.checks)
    check_balance(prepared.balances)


def check_same_account(run: Run, payer: PayingAccount) -> None:
    """Raise EnvironmentMismatchError or AccountMismatchError unless the run belongs to the payer's account.

    Another account does not know the run's external IDs, and would pay every row again.
    """
    if run.environment != payer.environment:
        raise EnvironmentMismatchError(
            f"Run {run.name} belongs to {run.environment}, not to {payer.environment}. Nothing was sent. "
            f"Add --env {run.environment}, or choose another run with --run-key or another ledger with --ledger."
        )
    if run.account and run.account != payer.account and not payer.same_account:
        raise AccountMismatchError(
            f"Run {run.name} belongs to the account {run.account}, and this is {payer.account}, which does not know "
            f"the payments of the run. Nothing was sent. Use account {run.account}, or --same-account if only "
            "credentials or URL changed."
        )


def check_not_purged(run: Run) -> None:
    """Raise PurgedRunError if the run's personal data is purged: all rows of its list would count as new."""
    if run.purged_at is not None:
        raise PurgedRunError(
            f"The personal data of run {run.name} was purged on {run.purged_at:%Y-%m-%d %H:%M} UTC, so its payments "
            "can no longer be recognised. Nothing was sent. To pay this list again, add --run-key with another key."
        )


def check_is_rebuilt(run: Run) -> None:
    """Raise RunNotRebuiltError if a rebuild has not looked up all rows: DVS may have them under other external IDs."""
    if run.is_rebuilding:
        raise RunNotRebuiltError(
            f"A rebuild of run {run.name} was interrupted, so DVS may have more of its rows. Nothing was sent. "
            "Run the same `bulk-topup reconcile --rebuild` again, then continue."
        )


def check_not_closed(run: Run, ledger: LedgerStore) -> None:
    """Raise ClosedRunError if the run is closed: nothing more of it is sent, not even a retry."""
    if run.closing is None:
        return
    counts = ledger.rows.counts(run)
    open_ = counts[RowState.IN_FLIGHT] + counts[RowState.ACCEPTED]
    follow = (
        f" {format_rows(open_)} without outcome: follow with `bulk-topup resume {run_arguments(run)}`." if open_ else ""
    )
    raise ClosedRunError(
        f"Run {run.name} is closed. {run.closing.sentence()} Nothing was sent, and nothing of this run is sent again. "
        "To pay rows that it did not pay, put them into a list of their own, and run that list with another "
        f"--run-key.{follow}"
    )


def check_velocity_history(job: Job, ledger: LedgerStore, now: datetime) -> None:
    """Raise PurgedRunError if a payment that the job's velocity limit counts has lost its beneficiary to a purge."""
    if job.velocity is None:
        return
    purged = ledger.purges.last_payment()
    if purged is not None and now - purged <= job.velocity.period:
        raise PurgedRunError(
            f"The velocity limit covers {job.velocity.days} days, and the beneficiaries of payments until "
            f"{purged:%Y-%m-%d} are purged from the ledger. Nothing was sent. Choose fewer days, or wait."
        )


def check_same_mode(run: Run, mode: Mode, ledger: LedgerStore) -> None:
    """Raise ModeMismatchError if rows were sent in another mode.

    The mode is part of a request, and a row whose outcome is unknown is sent again with the same request.
    """
    used = guards_of(run.guards).mode
    if mode is not used and any(ledger.rows.sent_counts(run).values()):
        raise ModeMismatchError(
            f"Run {run.name} uses the mode {used}, not {mode}. Nothing was sent. Add --mode {used}, or choose "
            "another run with --run-key."
        )


def check_guards(checks: Collection[GuardCheck]) -> None:
    """Raise GuardError unless every guard allows the run."""
    if broken := [check.message for check in checks if not check.is_kept]:
        failed = "1 guard failed" if len(broken) == 1 else f"{len(broken)} guards failed"
        raise GuardError("\n".join([f"{failed}. Nothing was sent.", *broken]))


def check_run_caps(caps: Caps, run: Run, ledger: LedgerStore) -> None:
    """Raise GuardError unless sent rows, pending rows and rows chosen for a retry together stay within the caps."""
    if caps != Caps():
        check_guards(check_caps(caps, ledger.spending.final(run)))


def check_balance(checks: Collection[BalanceCheck]) -> None:
    """Raise BalanceTooLowError unless every wallet covers the remaining cost."""
    for check in checks:
        if check.is_enough:
            continue
        if check.available is None:
            raise BalanceTooLowError(
                f"The remaining cost is about {format_money(check.cost, check.unit)}, and the account has no "
                f"{check.unit} wallet. Nothing was sent. Contact DT One."
            )
        credit = (
            f", with a credit limit of {format_money(check.credit_limit, check.unit)}" if check.credit_limit else ""
        )
        raise BalanceTooLowError(
            f"The remaining cost is about {format_money(check.cost, check.unit)}, and "
            f"{format_money(check.available, check.unit)} is available{credit}. Nothing was sent. Top up the wallet, "
            "then run again."
        )
