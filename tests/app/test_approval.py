"""When a staged list needs an approval."""

from dataclasses import replace
from pathlib import Path

import pytest

from bulk_topup.app.approval import check_approval
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.guards import Guards
from bulk_topup.domain.totals import MergePreview
from bulk_topup.errors import ApprovalRequiredError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.plan import Plan
from bulk_topup.system.clock import SystemClock
from tests.helpers.sample_run import RUN


def _check(folder: Path, preview: MergePreview, *, spacing: float = 0) -> None:
    """Check a list of a run that was approved with other guards if `spacing` is not 0."""
    job = Job(name=RUN.job, run_key=RUN.run_key, list="list.csv", spacing=spacing)
    approved = replace(RUN, approval="{}", guards=Guards().model_dump_json())
    with LedgerStore(folder / "ledger.db") as ledger:
        check_approval(
            job,
            approved,
            Prepared(plan=Plan(), difference=preview, balances=()),
            None,
            ids=approved.ids,
            payer=PayingAccount(environment=Environment.SANDBOX, account="one"),
            ledger=ledger,
            clock=SystemClock(),
        )


@pytest.mark.parametrize("preview", [MergePreview(new=1), MergePreview(waiting=1), MergePreview(failed=1)])
def test_rows_that_the_run_may_send_need_an_approval(tmp_path: Path, preview: MergePreview) -> None:
    with pytest.raises(ApprovalRequiredError):
        _check(tmp_path, preview)


@pytest.mark.parametrize("preview", [MergePreview(open=1), MergePreview(needs_review=1)])
def test_rows_that_were_sent_need_one_under_other_guards_only(tmp_path: Path, preview: MergePreview) -> None:
    _check(tmp_path, preview)
    with pytest.raises(ApprovalRequiredError):
        _check(tmp_path, preview, spacing=1)


def test_a_run_that_is_completed_needs_none(tmp_path: Path) -> None:
    _check(tmp_path, MergePreview(completed=3), spacing=1)
