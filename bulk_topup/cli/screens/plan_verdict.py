"""The headline of a plan: whether it can run, and what to do if not; pure."""

from __future__ import annotations  # what is checked is heavy to import, and only named here

from typing import TYPE_CHECKING

from bulk_topup.domain.earlier_run import MAX_NAMED
from bulk_topup.domain.money import PRECISE, format_money
from bulk_topup.domain.verdict import Severity, format_rows

if TYPE_CHECKING:
    from bulk_topup.app.prepare import Prepared
    from bulk_topup.domain.run import Run
    from bulk_topup.jobs.job import Job
    from bulk_topup.plan import BalanceCheck, Plan


def plan_verdict(job: Job, run: Run | None, prepared: Prepared) -> tuple[Severity, str]:
    """Return the severity and the headline of a plan; what a run would stop on first comes first.

    Args:
        job: the job.
        run: the run as it is in the ledger; None for a new one.
        prepared: the list, checked.
    """
    plan, difference = prepared.plan, prepared.difference
    if stopping := prepared.stopping_runs:
        return Severity.BAD, (
            f"Cannot run: {', '.join(each.run.name for each in stopping[:MAX_NAMED])} of this job "
            f"{'is' if len(stopping) == 1 else 'are'} open. Resume or close {'it' if len(stopping) == 1 else 'them'}, "
            "or add --leave-open REASON."
        )
    if prepared.list_problem is not None:
        return Severity.BAD, prepared.list_problem.headline
    earlier = difference.earlier
    if earlier.is_same_list and earlier.refused:
        verb = "repeats an earlier payment" if earlier.refused == 1 else "repeat earlier payments"
        return Severity.BAD, f"Paid already: {earlier.refused:,} of {format_rows(plan.rows)} {verb}."
    if prepared.elsewhere.payments and prepared.pay_again is None:
        return Severity.BAD, "Paid today from elsewhere: another ledger has paid beneficiaries of this list."
    if plan.to_fix and not job.skip_refused:
        others = f", or add --skip-refused to pay {_others(plan, difference.to_send)}" if difference.to_send else ""
        them = "it" if plan.to_fix == 1 else "them"
        fix = f"Fix {them}"
        if earlier.refused:
            verb = "Remove" if earlier.refused == plan.to_fix else "Fix"
            fix = f"{verb} {them}, add --pay-again REASON for repetitions"
        return Severity.BAD, f"{plan.to_fix:,} of {format_rows(plan.rows)} refused. {fix}{others}."
    if broken := sum(not check.is_kept for check in prepared.checks):
        return Severity.BAD, f"Cannot run: {broken} {'guard' if broken == 1 else 'guards'} failed."
    if short := [_shortage(check) for check in prepared.balances if not check.is_enough]:
        return Severity.BAD, " ".join(short)
    if not difference.to_send:
        return _nothing_to_send(prepared)
    costs = " and ".join(format_money(cost, unit) for unit, cost in sorted(difference.costs.items()))
    what = f"{format_rows(difference.to_send)} to send{f', expected cost {costs}' if costs else ''}"
    if job.approval.required or (run is not None and run.approval is not None):
        return Severity.OPEN, f"Ready after approval: {what}."
    return Severity.GOOD, f"Ready: {what}."


def _others(plan: Plan, to_send: int) -> str:
    """Return which rows are sent beside those that are refused: of a run that was started before, those left."""
    if to_send != plan.accepted:
        return f"{format_rows(to_send)} not sent so far"
    return "the other row" if to_send == 1 else f"the other {to_send:,}"


def _nothing_to_send(prepared: Prepared) -> tuple[Severity, str]:
    """Return the headline of a list of which nothing is sent; it is good only if nothing is left to be done."""
    plan, difference = prepared.plan, prepared.difference
    if 0 < plan.nothing_due == plan.rows - plan.duplicates:
        return Severity.OPEN, (
            f"Nothing to send: nothing is due for any of {format_rows(plan.nothing_due)}. "
            "If bills are expected, check the product, the account numbers and qualifiers."
        )
    if difference.corrected:
        verb, them = ("is", "it") if difference.corrected == 1 else ("are", "them")
        what = f"{format_rows(difference.corrected)} that failed {verb} corrected"
        return Severity.OPEN, f"Nothing new to send; {what}. Retry {them}."
    parts = [
        (difference.open, "in progress"),
        (difference.failed, "failed"),
        (plan.to_fix, "refused"),
        (review := difference.needs_review, "needs review" if review == 1 else "need review"),
    ]
    if not (left := [f"{number:,} {what}" for number, what in parts if number]):
        return Severity.GOOD, "Nothing to send."
    return Severity.BAD if review or plan.to_fix else Severity.OPEN, f"Nothing new to send: {', '.join(left)}."


def _shortage(check: BalanceCheck) -> str:
    if check.after is None:
        return f"No {check.unit} wallet. Contact DT One."
    missing = -PRECISE.add(check.after, check.credit_limit or 0)
    return f"Balance too low: {format_money(missing, check.unit)} missing. Top up, then run again."
