"""What a run would do, for scripts: counts, costs and every refusal; sends nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from bulk_topup.api.arguments import job_of, options_of
from bulk_topup.api.worker_thread import Work
from bulk_topup.app.credentials import Credentials
from bulk_topup.app.plan import plan_job
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.provider import open_client
from bulk_topup.domain.environment import Environment
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.plan import BalanceCheck, GuardCheck

#: Seconds between looks at whether the caller was interrupted.
_LOOK = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One reason why a line of a list cannot be paid."""

    #: Line in the list, counted from 1 with the header.
    line: int
    #: The list's column; empty for the row as a whole.
    column: str
    #: A sentence with the cure.
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListPlan:
    """What a run would do."""

    #: The run's name, job/run key: what `run_job` has to have confirmed in production.
    run: str
    environment: Environment
    #: Whether an earlier start began the run.
    is_begun: bool
    #: Rows of the list, and of them those that can be paid and those that cannot; rows paid before are among the first.
    rows: int
    accepted: int
    refused: int
    #: Rows that were never sent and that a start would send.
    to_send: int
    #: Rows that the job's filters leave out, per filter.
    left_out: Mapping[str, int]
    #: What is still to be paid is expected to cost, per currency of the wallet.
    costs: Mapping[str, Decimal]
    #: Rows of the list whose product does not tell what they cost; they are in no sum.
    rows_without_known_cost: int
    #: Those costs beside what each wallet holds.
    balances: tuple[BalanceCheck, ...]
    #: The run's figures beside its caps and control totals.
    guards: tuple[GuardCheck, ...]
    #: Refused rows that `refusals` does not name, since there are too many.
    refused_not_named: int
    #: Whether a start would send, as far as the list, its refused rows and its guards go.
    is_acceptable: bool
    _refusals: tuple[Refusal, ...] = field(repr=False)

    @property
    def is_balance_enough(self) -> bool:
        """Whether every wallet covers what is still to be paid from it."""
        return all(check.is_enough for check in self.balances)

    def refusals(self) -> Iterator[Refusal]:
        """Give every reason of every refused row, in list order."""
        return iter(self._refusals)

    def refusals_frame(self) -> pl.DataFrame:
        """Give the same as a frame with the columns line, column and message."""
        columns = {
            "line": [refusal.line for refusal in self._refusals],
            "column": [refusal.column for refusal in self._refusals],
            "message": [refusal.message for refusal in self._refusals],
        }
        return pl.DataFrame(columns, schema={"line": pl.Int64, "column": pl.String, "message": pl.String})


def plan_list(
    list_or_job: Path | str | Job,
    *,
    today: date | None = None,
    run_key: str | None = None,
    environment: Environment | str | None = None,
    base_url: str | None = None,
    credentials: Path | str | Credentials | None = None,
    ledger: Path | str | None = None,
    corrections: Path | str | None = None,
) -> ListPlan:
    """Check a list and say what a run would do; nothing is sent, and no run is begun or changed.

    Args:
        list_or_job: a job file that ends in .toml, a list as it stands, or a `Job`.
        today: the day that `{today}` stands for; else today, as this machine's calendar has it.
        run_key: the run's key, in place of the job's own.
        environment: where the money is, in place of what the job says.
        base_url: another address of the API, up to and with /v1.
        credentials: the account's key pair, or a file that holds it; else from the environment or .env.
        ledger: the ledger's file; else `BULK_TOPUP_LEDGER`, or the environment's usual one.
        corrections: a file of rows of the run that did not complete, corrected.

    Raises:
        JobError, ListError, MappingError: the job or its list is not acceptable.
        ConfigurationError: the provider cannot be talked to as stated.
        LedgerError: the ledger cannot be used.
        DVSError: the provider did not answer.
    """
    job = job_of(list_or_job, today, run_key)
    options = options_of(job, environment, base_url, credentials, ledger)
    pair = credentials if isinstance(credentials, Credentials) else None
    corrected = None if corrections is None else Path(corrections)

    async def plan(_work: Work[ListPlan]) -> ListPlan:
        async with open_client(options, rate=job.rate, credentials=pair) as dvs:
            with LedgerStore(options.ledger) as opened:
                run, prepared = await plan_job(job, dvs=dvs, ledger=opened, corrections=corrected)
        return _plan_of(job, options.environment, prepared, is_begun=run is not None)

    return Work(plan).result(look=lambda: None, seconds=_LOOK)


def _plan_of(job: Job, environment: Environment, prepared: Prepared, *, is_begun: bool) -> ListPlan:
    plan, difference = prepared.plan, prepared.difference
    return ListPlan(
        run=f"{job.name}/{job.run_key}",
        environment=environment,
        is_begun=is_begun,
        rows=plan.rows,
        accepted=plan.accepted,
        refused=plan.refused,
        to_send=difference.new + difference.waiting,
        left_out=prepared.left_out,
        costs=difference.costs,
        rows_without_known_cost=sum(total.unpriced for total in plan.products.values()),
        balances=prepared.balances,
        guards=prepared.checks,
        refused_not_named=plan.refused - len(plan.refused_rows),
        is_acceptable=(not plan.refused or job.skip_refused) and prepared.guards_are_kept,
        _refusals=tuple(
            Refusal(line=row.line, column=problem.column, message=problem.message)
            for row in plan.refused_rows
            for problem in row.problems
        ),
    )
