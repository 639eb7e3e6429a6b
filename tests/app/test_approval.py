"""An approval holds for exactly the plan that was approved, also one that an earlier version planned and approved."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.approval import load_approval
from bulk_topup.app.plan import plan_for_approval
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.approvals.approval import check_valid
from bulk_topup.approvals.statement import check_same_plan, read_statement
from bulk_topup.domain.environment import Environment
from bulk_topup.dvs import AsyncDVS
from bulk_topup.errors import ApprovalError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.load import load_job
from bulk_topup.ledger import LedgerStore

pytestmark = pytest.mark.anyio

#: A job, its list, its plan and its approved plan, written by a version whose plan had wallets' amounts as numbers.
EARLIER = Path(__file__).parent.parent / "approvals/earlier_version"


@pytest.fixture
def job() -> Job:
    return load_job(EARLIER / "bonus.toml").at(datetime(2026, 11, 24, tzinfo=UTC), EARLIER)


async def test_a_plan_that_an_earlier_version_approved_is_still_what_would_be_sent(
    job: Job, sandbox: Any, credentials: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULK_TOPUP_APPROVAL_SECRET", "an invented secret of forty bytes, long.")
    approval = load_approval(EARLIER / "plan.approved.json", job.approval)
    approved_at = datetime.fromisoformat(approval.plan.approval.approved_at)
    check_valid(approval, job.approval, approved_at + timedelta(hours=1))
    account = PayingAccount(environment=Environment.SANDBOX, account=approval.plan.statement.account)
    async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
        with LedgerStore(tmp_path / "ledger.db") as ledger:
            _, _, statement = await plan_for_approval(job, dvs=dvs, payer=account, ledger=ledger)
    check_same_plan(approval.plan.statement, statement)
    with pytest.raises(ApprovalError, match=r"is 22\.50 SGD, approved was 23\.00 SGD"):
        check_same_plan(approval.plan.statement.model_copy(update={"amounts": {"SGD": "23"}}), statement)


def test_a_plan_that_an_earlier_version_wrote_can_still_be_approved() -> None:
    plan = json.loads((EARLIER / "plan.json").read_text())
    assert [type(plan["balances"][0][name]) for name in ("available", "after")] == [int, float]
    statement = read_statement(EARLIER / "plan.json")
    assert (statement.rows, statement.amounts, statement.costs) == (2, {"SGD": "22.5"}, {"USD": "16.7"})
