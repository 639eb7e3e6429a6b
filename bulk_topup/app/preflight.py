"""Every check that must pass before anything is sent."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bulk_topup.app.prepare import Prepared
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.guards import Caps, Mode, guards_of
from bulk_topup.domain.money import PRECISE
from bulk_topup.domain.run import Run
from bulk_topup.errors import (
    AccountMismatchError,
    ApprovalRequiredError,
    BalanceTooLowError,
    EnvironmentMismatchError,
    GuardError,
    ModeMismatchError,
    PurgedRunError,
)
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.plan import BalanceCheck, GuardCheck, check_caps


@dataclass(frozen=True, kw_only=True, slots=True)
class PayingAccount:
    """Whose money it is: a run is paid by one account, from its first start to its end."""

    environment: Environment
    #: Names the account, e.g. `AsyncDVS.account`.
    account: str
    #: The account is the one that the run was begun with, although its name changed.
    same_account: bool = False


def add_costs(first: Mapping[str, Decimal], second: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the sum of two costs by currency."""
    units = {**first, **second}
    return {unit: PRECISE.add(first.get(unit, Decimal(0)), second.get(unit, Decimal(0))) for unit in units}


def check_same_account(run: Run, payer: PayingAccount) -> None:
    """Demand that a run goes on where its money is: elsewhere its external ids are unknown, and all is paid anew."""
    if run.environment != payer.environment:
        raise EnvironmentMismatchError(
            f"Run {run.name} was begun in {run.environment}, not in {payer.environment}; "
            f"state --env {run.environment}, or name another run with --run-key, or another ledger with --ledger."
        )
    if run.account and run.account != payer.account and not payer.same_account:
        raise AccountMismatchError(
            f"Run {run.name} was begun with {run.account}, and this is {payer.account}. Another account does not know "
            "what was paid: go on with the first one. If only its key or its address changed, state --same-account."
        )


def check_not_purged(run: Run) -> None:
    """Demand that a run knows whom it paid: otherwise every row of its list would be new to it."""
    if run.purged_at is not None:
        raise PurgedRunError(
            f"The personal data of run {run.name} was removed at {run.purged_at:%Y-%m-%d %H:%M} UTC, so nobody can "
            "tell whom it paid, and nothing was sent. To pay a list on purpose, name another run with --run-key."
        )


def check_velocity_history(job: Job, ledger: LedgerStore, now: datetime) -> None:
    """Demand that all payments which a limit on repeated ones looks back at are known with their beneficiaries."""
    if job.velocity is None:
        return
    forgotten = ledger.purges.last_payment()
    if forgotten is not None and now - forgotten <= job.velocity.period:
        raise PurgedRunError(
            f"The limit on repeated payments looks back {job.velocity.days} days, and whom the ledger's runs paid "
            f"until {forgotten:%Y-%m-%d} was purged, so nothing was sent. Let it look back fewer days, or wait."
        )


def check_same_mode(run: Run, mode: Mode, ledger: LedgerStore) -> None:
    """Demand the mode that rows were sent in: their requests say it, and an unknown one is sent again as it was."""
    begun = guards_of(run.guards).mode
    if mode is not begun and any(ledger.rows.sent_counts(run).values()):
        raise ModeMismatchError(
            f"Run {run.name} was begun in the mode {begun}, not {mode}; state --mode {begun}, "
            "or name another run with --run-key."
        )


def check_guards(checks: Collection[GuardCheck]) -> None:
    """Raise GuardError unless every guard allows the run."""
    if broken := [check.message for check in checks if not check.is_kept]:
        raise GuardError("\n".join(["The run's guards do not allow it, so nothing was sent.", *broken]))


def check_run_caps(caps: Caps, run: Run, ledger: LedgerStore) -> None:
    """Demand that what a run has sent, what waits in it and what was chosen for a retry stay within its caps."""
    if caps != Caps():
        check_guards(check_caps(caps, ledger.spending.final(run)))


def check_approval_not_required(job: Job, found: Run | None, prepared: Prepared) -> None:
    """Demand that nothing of a list that nobody approved could ever be sent, where approvals are needed.

    Failed rows take what the list says now and may be retried, so they count too.
    """
    is_needed = job.approval.required or (found is not None and found.approval is not None)
    difference = prepared.difference
    to_send = difference.new + difference.waiting + difference.failed
    if found is not None and job.guards != guards_of(found.guards):
        # By other guards, what is on its way may be confirmed, or tried again when it fails.
        to_send += difference.open + difference.needs_review
    if is_needed and to_send:
        raise ApprovalRequiredError(
            f"Run {job.name}/{job.run_key} needs an approval, so nothing was sent. Write its plan with "
            "`bulk-topup plan --output plan.json`, have somebody else `bulk-topup approve` it, "
            "and state --approved FILE. "
            "What was approved before goes on with `bulk-topup resume`."
        )


def check_balance(checks: Collection[BalanceCheck]) -> None:
    """Raise BalanceTooLowError unless every wallet covers what is still to be paid."""
    for check in checks:
        if not check.is_enough:
            has = "no wallet" if check.available is None else f"{check.available} {check.unit} available"
            raise BalanceTooLowError(
                f"The rows still to be paid cost about {check.cost} {check.unit}, and there is {has}; "
                "nothing was sent. Top up and start again."
            )
