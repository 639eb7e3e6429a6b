"""Plans a list for scripts: counts, costs and every refused row; sends nothing."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl

from bulk_topup.api.arguments import decision_of, key_pair, load_argument, options_of, render_job
from bulk_topup.api.worker_thread import Work
from bulk_topup.app.catalogue import Asking
from bulk_topup.app.credentials import Credentials
from bulk_topup.app.open_ledger import open_or_create_ledger
from bulk_topup.app.plan import plan_job
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.provider import check_environment, open_client, payer_of
from bulk_topup.app.run_name import named_as_known_run
from bulk_topup.domain.amount_notes import AmountNotes
from bulk_topup.domain.bill_notes import BillNotes
from bulk_topup.domain.choice_notes import ChoiceNotes
from bulk_topup.domain.column_use import ColumnUse
from bulk_topup.domain.corrections import UncorrectedRow
from bulk_topup.domain.earlier_payments import Repetition, SentRows
from bulk_topup.domain.earlier_run import EarlierRun
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.list_problem import ListProblem
from bulk_topup.domain.number_notes import NumberNotes
from bulk_topup.domain.outside_rows import OutsideRows
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import FRAME_FIELDS
from bulk_topup.domain.reason import checked_reason
from bulk_topup.domain.unseen_rows import UnseenRows
from bulk_topup.jobs.job import Job
from bulk_topup.plan import BalanceCheck, GuardCheck

#: Seconds between two checks whether the caller was interrupted.
_INTERVAL = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One reason why a row is refused."""

    #: The row's line in the list, counted from 1 with the header.
    line: int
    #: The list's column; empty if the reason concerns the whole row.
    column: str
    #: What is wrong, and the fix.
    message: str
    kind: ProblemKind
    #: What to write into the cell, where that is certain; else None.
    instead: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListPlan:
    """A dry run of a list: its checks and costs."""

    #: The run's name, job/run-key; in production, `run_job` requires it as `confirm`.
    run: str
    environment: Environment
    #: The account that would pay, as the ledger names it.
    account: str
    #: Whether the run exists already.
    is_begun: bool
    #: Rows of the list; those that are valid, rows paid before among them; and those that are refused.
    rows: int
    accepted: int
    refused: int
    #: Rows that were never sent and would be, of this list and of others of the run.
    to_send: int
    #: Rows that each of the job's filters leaves out.
    left_out: Mapping[str, int]
    #: Rows that are hidden or struck through in the workbook, and what is decided about them.
    unseen: UnseenRows
    #: Titles, totals and signatures in the list's file, which are no part of it.
    outside: OutsideRows
    #: The expected remaining cost, per currency of the wallet.
    costs: Mapping[str, Decimal]
    #: Rows whose product has no known price; no cost has them.
    rows_without_known_cost: int
    #: The remaining cost beside the balance of each wallet.
    balances: tuple[BalanceCheck, ...]
    #: The run's figures beside its caps and control totals.
    guards: tuple[GuardCheck, ...]
    #: Refused rows that `refusals` leaves out because there are too many.
    refused_not_named: int
    #: Rows that other runs have paid or may have paid: refused, or paid again on purpose.
    paid_before: int
    #: When the last payment of purged runs was sent that would have been compared; None for none.
    unknown_until: datetime | None
    #: Whether half of the rows or more are such rows, so that nothing is sent unless they are paid again on purpose.
    is_same_list: bool
    #: Which columns of the list are used for what.
    columns: ColumnUse
    #: How amounts were read.
    amounts: AmountNotes
    #: How credited numbers were read, and what is odd about those that are not refused.
    numbers: NumberNotes
    #: How products were chosen; None where list or job names them.
    choices: ChoiceNotes | None
    #: Where amounts come from that DVS was asked for, and which rows owe nothing; None where the list has all amounts.
    statements: BillNotes | None
    #: Open runs of the job beside which a new run would start; those with rows pending or in flight stop it.
    earlier_runs: tuple[EarlierRun, ...]
    #: What the run has sent before, if the list has new rows; None for nothing.
    sent_before: SentRows | None
    #: The job's previous run, if it has sent exactly the rows of this list; else None.
    same_list: SentRows | None
    #: Why the list is not paid in its run; None if it is.
    list_problem: ListProblem | None
    #: Rows that have other values in the run than in the list, because they were corrected.
    corrected: int
    #: Rows with values that were corrected in the job's latest other run, and are not in the list.
    uncorrected: tuple[UncorrectedRow, ...]
    #: Whether earlier runs and payments, refused rows and guards allow the run.
    is_acceptable: bool
    _refusals: tuple[Refusal, ...] = field(repr=False)

    @property
    def is_balance_enough(self) -> bool:
        """Whether every wallet covers its part of the remaining cost."""
        return all(check.is_enough for check in self.balances)

    def refusals(self) -> Iterator[Refusal]:
        """Return every reason of every refused row, in list order."""
        return iter(self._refusals)

    def refusals_frame(self) -> pl.DataFrame:
        """Return the refusals as a frame with the columns line, column, message, kind and instead."""
        columns = {
            "line": [refusal.line for refusal in self._refusals],
            "column": [refusal.column for refusal in self._refusals],
            "message": [refusal.message for refusal in self._refusals],
            "kind": [refusal.kind.value for refusal in self._refusals],
            "instead": [refusal.instead for refusal in self._refusals],
        }
        return pl.DataFrame(columns, schema={"line": pl.Int64, **dict.fromkeys(FRAME_FIELDS, pl.String)})


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
    add: bool = False,
    pay_again: str | None = None,
    leave_open: str | None = None,
    not_the_same: Collection[int] = (),
    reason: str | None = None,
) -> ListPlan:
    """Check a list and return what a run would do; nothing is sent, and no run is created or changed.

    Long because of its arguments and errors.

    Args:
        list_or_job: a job file that ends in .toml, a list, or a `Job`.
        today: the day that `{today}` stands for; None for today in the job's time zone.
        run_key: the run key, in place of the job's own.
        environment: the environment, in place of the job's.
        base_url: another address of the API, up to and with /v1.
        credentials: API credentials, or a file with them; None for the environment's variables or `.env`.
        ledger: the ledger's file; None for `BULK_TOPUP_LEDGER`, or the environment's usual one.
        corrections: a not-completed file of the run with corrected rows.
        add: add the list to a run that has paid other rows, which stay as they are; for a list in parts.
        pay_again: why rows that other runs have paid are paid again; None to refuse them.
        leave_open: why earlier runs of the job would stay open; None if they stop a new one.
        not_the_same: lines of the list whose rows are others than those that they are refused for as possible
            duplicates; a plan keeps nothing.
        reason: why they are.

    Returns:
        Counts, costs, balances and refusals.

    Raises:
        JobError, ListError, MappingError: job or list are invalid.
        PurgedRunError: the beneficiaries of the run, or of payments that a velocity limit counts, are purged.
        ClosedRunError: the run is closed.
        RunNotRebuiltError: a rebuild of the run was interrupted.
        ValueError: a reason is empty, or lines are named without one.
        ConfigurationError: environment, address or credentials cannot be used.
        LedgerError: the ledger cannot be used.
        DVSError: DVS did not respond.
    """
    job, folder = load_argument(list_or_job, run_key)
    options = options_of(job, environment, base_url, credentials, ledger)
    check_environment(options, key_pair(credentials))
    job = named_as_known_run(render_job(job, folder, today, options.ledger), options.ledger)
    corrected = None if corrections is None else Path(corrections)
    left_open = None if leave_open is None else checked_reason(leave_open)
    again = None if pay_again is None else checked_reason(pay_again)
    decision = decision_of(not_the_same, reason)

    async def plan(_work: Work[ListPlan]) -> ListPlan:
        async with open_client(options, rate=job.rate, credentials=key_pair(credentials)) as dvs:
            payer = payer_of(options, dvs, same_account=False)
            with open_or_create_ledger(options) as opened:
                run, prepared = await plan_job(
                    job,
                    dvs=dvs,
                    ledger=opened,
                    environment=options.environment,
                    corrections=corrected,
                    repetition=Repetition(pay_again=again, leave_open=left_open, not_the_same=decision, add=add),
                    asking=Asking(keeps_answers=not options.is_embedded),
                )
        return _plan_of(job, payer, prepared, is_begun=run is not None)

    return Work(plan).result(on_wait=lambda: None, interval=_INTERVAL)


def _plan_of(job: Job, payer: PayingAccount, prepared: Prepared, *, is_begun: bool) -> ListPlan:
    plan, preview = prepared.plan, prepared.difference
    return ListPlan(
        run=f"{job.name}/{job.run_key}",
        environment=payer.environment,
        account=payer.account,
        is_begun=is_begun,
        rows=plan.rows,
        accepted=plan.accepted,
        refused=plan.refused,
        to_send=preview.to_send,
        left_out=prepared.left_out,
        unseen=prepared.unseen,
        outside=prepared.outside,
        costs=preview.costs,
        rows_without_known_cost=sum(total.unpriced for total in plan.products.values()),
        balances=prepared.balances,
        guards=prepared.checks,
        columns=plan.columns,
        amounts=plan.amount_notes,
        numbers=plan.numbers,
        choices=plan.choices,
        statements=plan.bills,
        refused_not_named=plan.refused - len(plan.refused_rows),
        paid_before=preview.earlier.refused + preview.earlier.paid_again,
        unknown_until=preview.earlier.unknown_until,
        is_same_list=preview.earlier.is_same_list,
        earlier_runs=prepared.earlier_runs,
        sent_before=prepared.sent_before,
        same_list=prepared.same_list,
        list_problem=prepared.list_problem,
        corrected=len(prepared.corrected),
        uncorrected=prepared.uncorrected,
        is_acceptable=prepared.is_acceptable(skip_refused=job.skip_refused),
        _refusals=tuple(
            Refusal(
                line=row.line,
                column=problem.column,
                message=problem.message,
                kind=problem.kind,
                instead=problem.instead,
            )
            for row in plan.refused_rows
            for problem in row.problems
        ),
    )
