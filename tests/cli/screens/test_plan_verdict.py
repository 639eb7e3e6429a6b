"""The headline of a plan, and what comes first in it."""

from decimal import Decimal

import pytest

from bulk_topup.app.prepare import Prepared
from bulk_topup.approvals.approval import ApprovalPolicy
from bulk_topup.cli.screens.plan_verdict import plan_verdict
from bulk_topup.domain.totals import MergePreview
from bulk_topup.domain.verdict import Severity
from bulk_topup.jobs.job import Job
from bulk_topup.plan import BalanceCheck, GuardCheck, Plan

JOB = Job(list="payroll.csv")
BROKEN = GuardCheck(guard="caps.rows", unit=None, limit=Decimal(1), figure=Decimal(2), message="Too many.")
SHORT = BalanceCheck(unit="USD", available=Decimal(10), cost=Decimal("12.50"))
ON_CREDIT = BalanceCheck(unit="USD", available=Decimal(10), credit_limit=Decimal(1), cost=Decimal("12.50"))
NO_WALLET = BalanceCheck(unit="EUR", available=None, cost=Decimal(1))


def _prepared(
    *,
    refused: int = 0,
    difference: MergePreview | None = None,
    balances: tuple[BalanceCheck, ...] = (),
    checks: tuple[GuardCheck, ...] = (),
) -> Prepared:
    plan = Plan(rows=10, accepted=10 - refused, refused=refused)
    new = MergePreview(new=10 - refused, costs={"USD": Decimal("12.50"), "EUR": Decimal(3)})
    return Prepared(plan=plan, difference=difference or new, balances=balances, checks=checks)


@pytest.mark.parametrize(
    ("prepared", "headline"),
    [
        (
            _prepared(refused=2, checks=(BROKEN,), balances=(SHORT,)),
            "2 of 10 rows refused. Fix them, or add --skip-refused to pay the other 8.",
        ),
        (_prepared(refused=10), "10 of 10 rows refused. Fix them."),
        (
            _prepared(checks=(BROKEN,), balances=(SHORT,)),
            "Cannot run: 1 guard failed.",
        ),
        (_prepared(balances=(ON_CREDIT,)), "Balance too low: 1.50 USD missing. Top up, then run again."),
        (
            _prepared(balances=(SHORT, NO_WALLET)),
            "Balance too low: 2.50 USD missing. Top up, then run again. No EUR wallet. Contact DT One.",
        ),
    ],
)
def test_what_stops_a_plan_comes_first_with_its_fix(prepared: Prepared, headline: str) -> None:
    assert plan_verdict(JOB, None, prepared) == (Severity.BAD, headline)


def test_a_plan_that_is_ready_shows_its_cost() -> None:
    assert plan_verdict(JOB, None, _prepared()) == (
        Severity.GOOD,
        "Ready: 10 rows to send, expected cost 3.00 EUR and 12.50 USD.",
    )
    skipping = JOB.model_copy(update={"skip_refused": True})
    assert plan_verdict(skipping, None, _prepared(refused=2))[1].startswith("Ready: 8 rows to send")


def test_a_plan_that_needs_an_approval_is_ready_after_it() -> None:
    job = JOB.model_copy(update={"approval": ApprovalPolicy.model_construct(required=True)})
    assert plan_verdict(job, None, _prepared())[1].startswith("Ready after approval: 10 rows")


def test_a_plan_with_nothing_to_send_names_corrected_rows() -> None:
    done = _prepared(difference=MergePreview(completed=10))
    assert plan_verdict(JOB, None, done) == (Severity.GOOD, "Nothing to send.")
    corrected = _prepared(difference=MergePreview(completed=9, failed=1, corrected=1))
    assert plan_verdict(JOB, None, corrected) == (
        Severity.OPEN,
        "Nothing new to send; 1 row that failed is corrected. Retry it.",
    )


@pytest.mark.parametrize(
    ("difference", "refused", "severity", "headline"),
    [
        (MergePreview(completed=10), 0, Severity.GOOD, "Nothing to send."),
        (MergePreview(completed=8, open=2), 0, Severity.OPEN, "Nothing new to send: 2 in progress."),
        (MergePreview(completed=9, failed=1), 0, Severity.OPEN, "Nothing new to send: 1 failed."),
        (MergePreview(completed=9, needs_review=1), 0, Severity.BAD, "Nothing new to send: 1 needs review."),
        (MergePreview(), 10, Severity.BAD, "Nothing new to send: 10 refused."),
    ],
)
def test_nothing_to_send_is_good_only_where_nothing_is_left(
    difference: MergePreview, refused: int, severity: Severity, headline: str
) -> None:
    job = Job(list="payroll.csv", skip_refused=True)
    assert plan_verdict(job, None, _prepared(refused=refused, difference=difference)) == (severity, headline)
