"""Plans a run: opens, checks and stages its list, and returns what a run would do; sends nothing."""

from dataclasses import replace
from pathlib import Path

from bulk_topup.app.approval import plan_statement
from bulk_topup.app.catalogue import Asking, Catalogue
from bulk_topup.app.list_of_run import find_list_problem, find_same_list, find_sent_before, find_uncorrected
from bulk_topup.app.open_list import with_kept_choice
from bulk_topup.app.paid_elsewhere import with_elsewhere
from bulk_topup.app.preflight import (
    PayingAccount,
    check_is_rebuilt,
    check_not_closed,
    check_not_purged,
    check_velocity_history,
    find_earlier_runs,
)
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.prepare_job import JobStager, PlannedList, prepare_job
from bulk_topup.app.remote_list.fetch import fetched_list
from bulk_topup.approvals.statement import PlanStatement
from bulk_topup.domain.earlier_payments import NO_REPETITION, Comparison, Repetition, compared_runs, policy_of
from bulk_topup.domain.earlier_run import EarlierRun
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.price_changes import PriceChange, price_changes
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS
from bulk_topup.jobs.comparison import comparison_policy
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock, SystemClock


def _compare_with_others(
    job: Job,
    run: Run | None,
    *,
    environment: Environment,
    ledger: LedgerStore,
    clock: Clock,
    repetition: Repetition,
) -> Comparison:
    """Return the runs that a job's list is compared with.

    Args:
        job: the job, its dates rendered.
        run: the job's run; None for a new one.
        environment: the environment that pays.
        ledger: an open ledger.
        clock: the source of time.
        repetition: what is said about other runs, and about rows that they have paid.
    """
    policy = comparison_policy(job, is_scheduled=repetition.is_scheduled, now=clock.now())
    if run is not None and run.comparison is not None:
        policy = policy_of(run)  # a run keeps its own
    own = None if run is None else run.id
    others = [other for other in ledger.runs.all() if other.environment == environment and other.id != own]
    moment = clock.now() if run is None else run.created_at
    runs = compared_runs(policy, others, job=job.name, run_key=str(job.run_key), moment=moment)
    return Comparison(
        runs=runs,
        environment=environment,
        any_product=policy.any_product,
        pay_again=repetition.pay_again or "",
        not_the_same=repetition.not_the_same,
        add=repetition.add,
    )


async def prepare_start(
    job: Job,
    run: Run | None,
    *,
    dvs: AsyncDVS,
    catalogue: Catalogue,
    ledger: LedgerStore,
    environment: Environment,
    clock: Clock,
    corrections: Path | None,
    repetition: Repetition,
    earlier: tuple[EarlierRun, ...],
) -> PlannedList:
    """Open, check and stage a job's list as `prepare_job` does, compared with the other runs of the ledger.

    Args:
        job: the job, its dates rendered.
        run: the job's run; None for a new one.
        dvs: an open client.
        catalogue: asks for products, and for the operators of numbers.
        ledger: an open ledger, where rows are staged.
        environment: where the run pays.
        clock: the source of time.
        corrections: a not-completed file of the run with corrected rows; None without corrections.
        repetition: what is said about other runs, and about rows that they have paid.
        earlier: the open runs of the job beside which it would start.
    """
    comparison = _compare_with_others(
        job, run, environment=environment, ledger=ledger, clock=clock, repetition=repetition
    )
    stager = JobStager(
        job=job,
        run=run,
        dvs=dvs,
        catalogue=catalogue,
        ledger=ledger,
        environment=environment,
        corrections=corrections,
        comparison=comparison,
    )
    planned = await prepare_job(stager, clock=clock)
    difference, elsewhere = planned.prepared.difference, planned.elsewhere
    difference = replace(difference, earlier=with_elsewhere(difference.earlier, elsewhere, repetition.pay_again))
    prepared = replace(
        planned.prepared,
        difference=difference,
        elsewhere=elsewhere,
        pay_again=repetition.pay_again,
        earlier_runs=earlier,
        leave_open=repetition.leave_open,
        is_added=repetition.add,
        sent_before=find_sent_before(job, run, planned.prepared, ledger),
        same_list=find_same_list(job, run, planned.prepared, ledger, environment),
        price_changes=_find_price_changes(job, planned.prepared, ledger, environment),
        uncorrected=find_uncorrected(job, run, ledger, environment),
    )
    problem = find_list_problem(job, run, prepared, ledger, clock.now(), add=repetition.add)
    return replace(planned, prepared=replace(prepared, list_problem=problem))


def _find_price_changes(
    job: Job, prepared: Prepared, ledger: LedgerStore, environment: Environment
) -> tuple[PriceChange, ...]:
    """Return the products whose cost is another than when the job's latest run was planned, which may be this one."""
    # Another environment has products and prices of its own.
    if (latest := ledger.runs.latest(job.name)) is None or latest.environment != environment:
        return ()
    return price_changes(latest.name, ledger.spending.planned_prices(latest), prepared.plan.prices)


async def plan_job(
    job: Job,
    *,
    dvs: AsyncDVS,
    ledger: LedgerStore,
    environment: Environment,
    corrections: Path | None = None,
    clock: Clock | None = None,
    repetition: Repetition = NO_REPETITION,
    asking: Asking = Asking(),  # noqa: B008 - frozen
) -> tuple[Run | None, Prepared]:
    """Check a list and return what a run would do; nothing is sent, and no run is created or changed.

    Args:
        job: the job, its dates rendered by `Job.at`.
        dvs: an open client.
        ledger: an open ledger, which may have the run already.
        environment: where the run would pay.
        corrections: a not-completed file of the run with corrected rows.
        clock: the source of time.
        repetition: what is said about other runs, and about rows that they have paid.
        asking: how DVS is asked about products and numbers.

    Returns:
        The job's run, None for a new one, and the checked list.

    Raises:
        PurgedRunError: the beneficiaries of the run, or of payments that a velocity limit counts, are purged.
        RunNameError: the run's name could mean more than one run.
        ClosedRunError: the run is closed.
        RunNotRebuiltError: a rebuild of the run was interrupted.
    """
    clock = clock or SystemClock()
    catalogue = asking.catalogue(dvs, ledger, environment, job.answer_ages, clock)
    async with fetched_list(job, ledger.path) as job:
        run, planned = await _plan(job, dvs, catalogue, ledger, environment, corrections, clock, repetition)
    ledger.staging.clear()
    return run, planned.prepared


async def plan_for_approval(
    job: Job,
    *,
    dvs: AsyncDVS,
    payer: PayingAccount,
    ledger: LedgerStore,
    clock: Clock | None = None,
    corrections: Path | None = None,
    repetition: Repetition = NO_REPETITION,
    callback_address: str = "",
    asking: Asking = Asking(),  # noqa: B008 - frozen
) -> tuple[Run | None, Prepared, PlanStatement]:
    """Check a list as `plan_job` does, and return the statement that another person approves as well.

    Args:
        job: the job, its dates rendered by `Job.at`.
        dvs: an open client.
        payer: the account that pays.
        ledger: an open ledger, which may have the run already.
        clock: the source of time.
        corrections: a not-completed file of the run with corrected rows.
        repetition: what is said about other runs, and about rows that they have paid.
        callback_address: where callbacks are posted, without the token; empty for nowhere.
        asking: how DVS is asked about products and numbers.

    Returns:
        The job's run, None for a new one; the checked list; and the statement.

    Raises:
        PurgedRunError: the beneficiaries of the run, or of payments that a velocity limit counts, are purged.
        RunNameError: the run's name could mean more than one run.
        ClosedRunError: the run is closed.
        RunNotRebuiltError: a rebuild of the run was interrupted.
    """
    clock = clock or SystemClock()
    catalogue = asking.catalogue(dvs, ledger, payer.environment, job.answer_ages, clock)
    async with fetched_list(job, ledger.path) as job:
        run, planned = await _plan(job, dvs, catalogue, ledger, payer.environment, corrections, clock, repetition)
        statement = plan_statement(job, planned.prepared, payer, ledger, clock, planned.ids, callback_address)
    ledger.staging.clear()
    return run, planned.prepared, statement


async def _plan(
    job: Job,
    dvs: AsyncDVS,
    catalogue: Catalogue,
    ledger: LedgerStore,
    environment: Environment,
    corrections: Path | None,
    clock: Clock,
    repetition: Repetition,
) -> tuple[Run | None, PlannedList]:
    run = ledger.runs.find(job.name, str(job.run_key))
    if run is not None:
        check_not_purged(run)
        check_not_closed(run, ledger)
        check_is_rebuilt(run)
    job = with_kept_choice(job, run, add=repetition.add)
    earlier = find_earlier_runs(job, run, environment, ledger)
    check_velocity_history(job, ledger, clock.now())
    planned = await prepare_start(
        job,
        run,
        dvs=dvs,
        catalogue=catalogue,
        ledger=ledger,
        environment=environment,
        clock=clock,
        corrections=corrections,
        repetition=repetition,
        earlier=earlier,
    )
    return run, planned
