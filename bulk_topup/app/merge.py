"""Merges a checked and staged list into its run; writes to the ledger and sends nothing."""

from collections.abc import Sequence
from contextlib import suppress

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare_job import PlannedList
from bulk_topup.app.remote_list.kept_copies import discard_copy, keep_copy, remove_older_copies
from bulk_topup.approvals.approval import Presented, user_name
from bulk_topup.domain.earlier_payments import NO_REPETITION, Repetition
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.domain.run import READING_VERSION, LeftOpen, Run
from bulk_topup.errors import BulkTopupError, InterruptedRunError, LedgerWriteError
from bulk_topup.jobs.comparison import comparison_policy
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.snapshot import reading_snapshot, report_snapshot
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock


def merge_list(
    job: Job,
    *,
    ledger: LedgerStore,
    payer: PayingAccount,
    columns: Sequence[str],
    ids: RunIds,
    clock: Clock,
    approval: Presented | None = None,
    repetition: Repetition = NO_REPETITION,
    reading_version: int = READING_VERSION,
    paid_elsewhere: int = 0,
    hidden_columns: Sequence[str] = (),
    is_start: bool = True,
) -> Run:
    """Merge the staged list into the job's run, and create the run if it is new.

    Long because of its arguments.

    Args:
        job: the job, its dates rendered.
        ledger: an open ledger, where the list is staged.
        payer: the account that pays.
        columns: the names of the list's columns.
        ids: what the external IDs of a new run are computed from; a run that exists keeps its own.
        clock: the source of time.
        approval: the approval of this list; None without one.
        repetition: what is said about other runs, and about rows that they have paid.
        reading_version: how a new run reads its list; one that exists keeps its own.
        paid_elsewhere: how many rows are known to repeat payments of another ledger on purpose.
        hidden_columns: the list's columns that are hidden in its workbook.
        is_start: whether the run's rows are to be sent. A run that is rebuilt is stopped by no other, and nothing of it
            is sent before the rebuild has ended.

    Raises:
        LedgerError: the ledger cannot be written.
        ClosedRunError: the run is closed.
        EarlierRunOpenError: the run is new, and an earlier run of the job has rows pending or in flight.
    """
    ledger.accepted_numbers.save(job.accept_number_plan)
    leave_open = repetition.leave_open
    job = keep_copy(job, ledger.path)
    try:
        run = ledger.staging.merge(
            job=job.name,
            run_key=str(job.run_key),
            environment=payer.environment,
            account=payer.account,
            guards=job.guards.model_dump_json(),
            approval=None if approval is None else approval.plan.model_dump_json(),
            list_path=job.list,
            columns=columns,
            reading=reading_snapshot(job),
            reporting=report_snapshot(job, hidden_columns),
            comparison=comparison_policy(job, is_scheduled=repetition.is_scheduled, now=clock.now()).as_json(),
            pay_again=repetition.pay_again or "",
            paid_elsewhere=paid_elsewhere,
            by=user_name(),
            ids=ids,
            reading_version=reading_version,
            time_zone=job.time_zone,
            leave_open=None if leave_open is None else LeftOpen(runs=(), by=user_name(), reason=leave_open),
            check_earlier=is_start and not job.is_bare_list,
            not_the_same=repetition.not_the_same,
            add=repetition.add,
            is_rebuilt=not is_start,
        )
    except BulkTopupError:
        with suppress(BulkTopupError):
            discard_copy(job, ledger)
        raise
    remove_older_copies(run, ledger)
    return run


def merge_or_interrupt(
    job: Job,
    ledger: LedgerStore,
    payer: PayingAccount,
    planned: PlannedList,
    approval: Presented | None,
    clock: Clock,
    repetition: Repetition,
) -> Run:
    """Merge the planned list as `merge_list` does.

    Raises:
        InterruptedRunError: the ledger cannot be written; run again to resume.
    """
    try:
        return merge_list(
            job,
            ledger=ledger,
            payer=payer,
            columns=planned.columns,
            ids=planned.ids,
            clock=clock,
            approval=approval,
            repetition=repetition,
            paid_elsewhere=planned.prepared.elsewhere.rows,
            hidden_columns=planned.prepared.unseen.columns,
        )
    except LedgerWriteError as error:
        raise InterruptedRunError(f"{error} No row of the list was sent. Run again once that is fixed.") from error
