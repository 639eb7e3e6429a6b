"""What a plan is judged by, and in which order."""

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
    ("prepared", "told"),
    [
        (
            _prepared(refused=2, checks=(BROKEN,), balances=(SHORT,)),
            "It cannot run: 2 of 10 rows are refused. Correct them, or state --skip-refused to pay the other 8.",
        ),
        (_prepared(refused=10), "It cannot run: 10 of 10 rows are refused. Correct them."),
        (
            _prepared(checks=(BROKEN,), balances=(SHORT,)),
            "It cannot run: 1 of its guards does not allow it, see below.",
        ),
        (
            _prepared(balances=(SHORT, NO_WALLET)),
            "It cannot run: 2.5 USD and a wallet in EUR are missing. Top up and start it again.",
        ),
    ],
)
def test_what_keeps_a_plan_from_running_comes_first_with_its_cure(prepared: Prepared, told: str) -> None:
    assert plan_verdict(JOB, None, prepared) == (Severity.BAD, told)


def test_a_plan_that_can_run_says_what_it_costs() -> None:
    assert plan_verdict(JOB, None, _prepared()) == (
        Severity.GOOD,
        "It can run: 10 rows to be sent, for about 3 EUR and 12.5 USD.",
    )
    skipping = JOB.model_copy(update={"skip_refused": True})
    assert plan_verdict(skipping, None, _prepared(refused=2))[1].startswith("It can run: 8 rows to be sent")


def test_a_plan_that_needs_an_approval_says_so() -> None:
    job = JOB.model_copy(update={"approval": ApprovalPolicy.model_construct(required=True)})
    assert plan_verdict(job, None, _prepared())[1].startswith("It can run with an approval: 10 rows")


def test_a_plan_with_nothing_left_says_so_and_names_what_was_corrected() -> None:
    done = _prepared(difference=MergePreview(completed=10))
    assert plan_verdict(JOB, None, done) == (Severity.GOOD, "Nothing is left to be sent.")
    corrected = _prepared(difference=MergePreview(completed=9, failed=1, corrected=1))
    assert plan_verdict(JOB, None, corrected) == (
        Severity.OPEN,
        "Nothing new is to be sent; 1 row that failed are corrected.",
    )
