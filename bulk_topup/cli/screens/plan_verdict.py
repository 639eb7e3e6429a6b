"""Whether a plan can run as it stands, in one sentence, and what to do where it cannot; pure."""

from __future__ import annotations  # what is judged is heavy to import, and only named here

from typing import TYPE_CHECKING

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.verdict import Severity, format_rows

if TYPE_CHECKING:
    from bulk_topup.app.prepare import Prepared
    from bulk_topup.domain.run import Run
    from bulk_topup.jobs.job import Job


def plan_verdict(job: Job, run: Run | None, prepared: Prepared) -> tuple[Severity, str]:
    """Judge a plan as a start would: what keeps it from running comes first.

    Args:
        job: the job.
        run: the run as it began; None for a new one.
        prepared: the list, checked.

    Returns:
        How good the news is, and a sentence with the cure where there is one.
    """
    plan, difference = prepared.plan, prepared.difference
    to_send = difference.new + difference.waiting
    if plan.refused and not job.skip_refused:
        others = f", or state --skip-refused to pay the other {plan.accepted:,}" if plan.accepted else ""
        return (
            Severity.BAD,
            f"It cannot run: {plan.refused:,} of {format_rows(plan.rows)} are refused. Correct them{others}.",
        )
    if broken := sum(not check.is_kept for check in prepared.checks):
        return (
            Severity.BAD,
            f"It cannot run: {broken} of its guards {'does' if broken == 1 else 'do'} not allow it, see below.",
        )
    if missing := [
        f"{format_plain(-check.after)} {check.unit}" if check.after is not None else f"a wallet in {check.unit}"
        for check in prepared.balances
        if not check.is_enough
    ]:
        return Severity.BAD, f"It cannot run: {' and '.join(missing)} are missing. Top up and start it again."
    if not to_send:
        if difference.corrected:
            return (
                Severity.OPEN,
                f"Nothing new is to be sent; {format_rows(difference.corrected)} that failed are corrected.",
            )
        return Severity.GOOD, "Nothing is left to be sent."
    costs = " and ".join(f"{format_plain(cost)} {unit}" for unit, cost in sorted(difference.costs.items()))
    what = f"{format_rows(to_send)} to be sent{f', for about {costs}' if costs else ''}"
    if job.approval.required or (run is not None and run.approval is not None):
        return Severity.OPEN, f"It can run with an approval: {what}."
    return Severity.GOOD, f"It can run: {what}."
