"""The approval of a run's plan: what it has to match, and whether one is required; reads plan files and keys."""

import hashlib
import json
from pathlib import Path

from bulk_topup.__version__ import __version__
from bulk_topup.app.credentials import load_approval_secret
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.approvals.approval import ApprovalPolicy, ApprovedPlan, Presented, read_approved, user_name
from bulk_topup.approvals.keys import HMAC
from bulk_topup.approvals.statement import PlanStatement, StatedRepetition, check_same_plan
from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.identity_version import RunIds, ids_of_name
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run, possible_ids
from bulk_topup.domain.verdict import format_rows, run_arguments
from bulk_topup.errors import ApprovalError, ApprovalRequiredError, ListError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock
from bulk_topup.system.files import sha256_of


def load_approval(file: Path, policy: ApprovalPolicy) -> Presented:
    """Read an approved plan, and the shared secret if the approval is signed with it.

    Raises:
        ApprovalError: the file cannot be read, or is not an approved plan.
        ConfigurationError: the secret is missing.
    """
    plan = read_approved(file)
    is_secret_needed = HMAC in policy.keys and plan.approval.key.startswith(HMAC)
    return Presented(plan=plan, secret=load_approval_secret() if is_secret_needed else None)


def plan_statement(
    job: Job,
    prepared: Prepared,
    payer: PayingAccount,
    ledger: LedgerStore,
    clock: Clock,
    ids: RunIds,
    callback_address: str = "",
) -> PlanStatement:
    """Return what the staged list pays; two statements agree in their figures only if they pay the same.

    Args:
        job: the job, its dates rendered.
        prepared: the job's list, checked and staged.
        payer: the account that pays.
        ledger: an open ledger, where the job's list is staged.
        clock: the source of time.
        ids: what the external IDs of its run are computed from.
        callback_address: where callbacks are posted, without the token; empty for nowhere.

    Raises:
        ListError: the list cannot be read.
    """
    digest = ledger.staging.digest(ids)
    try:
        list_sha256 = sha256_of(job.source.path)
    except OSError as error:
        raise ListError(f"Can't read {job.list}: {error.strerror}.") from None
    return PlanStatement(
        version=__version__,
        job=job.name,
        run_key=str(job.run_key),
        environment=payer.environment,
        account=payer.account,
        list=job.source.path.name,
        list_sha256=list_sha256,
        rows=digest.total.rows,
        amounts={unit: format_plain(amount) for unit, amount in sorted(digest.total.amounts.items())},
        costs={unit: format_plain(cost) for unit, cost in sorted(digest.total.costs.items())},
        rows_without_known_cost=digest.total.unpriced,
        requests_sha256=_with_repetitions(digest.requests, prepared.difference.earlier.paid_again_sha256),
        pairs_not_the_same=digest.pairs,
        is_added=prepared.is_added,
        callback_url=callback_address,
        corrected=len(prepared.corrected),
        paid_again=tuple(
            StatedRepetition(run=each.run, rows=each.rows, reason=each.reason)
            for each in prepared.difference.earlier.repeated
        ),
        costs_sha256=digest.costs,
        guards=json.dumps(job.guards.model_dump(mode="json"), sort_keys=True),
        not_by=job.approval.not_by,
        planned_by=user_name(),
        planned_at=clock.now().isoformat(),
    )


def _with_repetitions(requests: str, paid_again: str) -> str:
    """Return the digest of requests, with that of the payments that they repeat on purpose, if any."""
    return hashlib.sha256(f"{requests} {paid_again}".encode()).hexdigest() if paid_again else requests


def check_approval(
    job: Job,
    found: Run | None,
    prepared: Prepared,
    approval: Presented | None,
    *,
    ids: RunIds,
    payer: PayingAccount,
    ledger: LedgerStore,
    clock: Clock,
    callback_address: str = "",
) -> None:
    """Check that the staged list is exactly what was approved, or that it needs no approval.

    Args:
        job: the job, its dates rendered.
        found: the job's run; None for a new one.
        prepared: the job's list, checked and staged.
        approval: a valid approval; None without one.
        ids: what the external IDs of its run are computed from.
        payer: the account that pays.
        ledger: an open ledger.
        clock: the source of time.
        callback_address: where callbacks are posted, without the token; empty for nowhere.

    Raises:
        ApprovalError: the staged list differs from the approved plan.
        ApprovalRequiredError: the run needs an approval and has none.
    """
    preview = prepared.difference
    if approval is not None:
        if found is not None and found.approval is None and preview.kept_waiting:
            raise ApprovalRequiredError(
                f"{format_rows(preview.kept_waiting)} of other lists of run {found.name} would be sent too, and nobody "
                f"approved them. Nothing was sent. Send them first with `bulk-topup resume {run_arguments(found)}`."
            )
        signed = approval.plan.statement
        planned = plan_statement(job, prepared, payer, ledger, clock, ids, callback_address)
        # It may have been approved before an upgrade, when the run's external IDs were computed otherwise.
        for other in possible_ids(found) if found else ids_of_name(job.name, str(job.run_key)):
            if planned.requests_sha256 == signed.requests_sha256:
                break
            planned = plan_statement(job, prepared, payer, ledger, clock, other, callback_address)
        check_same_plan(signed, planned)
        return
    is_required = job.approval.required or (found is not None and found.approval is not None)
    # A retry sends failed rows as the list has them now.
    to_send = preview.to_send + preview.failed
    if found is not None and job.guards != guards_of(found.guards):
        # Other guards may confirm open rows, retry them when they fail, or send a row whose conflict is resolved.
        to_send += preview.open + preview.needs_review
    if is_required and to_send:
        resume = "" if found is None else f"bulk-topup resume {run_arguments(found)}"
        approved = f" Rows that were approved before continue with `{resume}`." if resume else ""
        raise ApprovalRequiredError(
            f"Run {job.name}/{job.run_key} needs an approval. Nothing was sent. Write a plan with `bulk-topup plan "
            "JOB --output plan.json`, have another person approve it with `bulk-topup approve plan.json --key FILE`, "
            f"and add --approved FILE.{approved}"
        )


def check_same_callbacks(run: Run, callback_address: str) -> None:
    """Raise ApprovalError if a run that was approved would have its callbacks posted elsewhere.

    Args:
        run: the run.
        callback_address: where callbacks are posted, without the token; empty for nowhere.
    """
    if run.approval is None or not callback_address:
        return
    approved = ApprovedPlan.model_validate_json(run.approval).statement.callback_url
    if approved != callback_address:
        raise ApprovalError(
            f"Run {run.name} was approved with callbacks to {approved or 'no address'}, not to {callback_address}. "
            "Nothing was sent. Remove --callback-url, and BULK_TOPUP_CALLBACK_URL from the environment, or have a new "
            "plan approved that has it."
        )
