"""What a start does about a list that is not that of its run, or that was paid out; reads the ledger."""

import json
import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from bulk_topup.app.prepare import Prepared
from bulk_topup.domain.corrections import UncorrectedRow
from bulk_topup.domain.earlier_payments import SHORT_LIST, SentRows, is_in_period
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.list_address import has_own_name
from bulk_topup.domain.list_problem import (
    ListProblem,
    ListProblemKind,
    another_list,
    hidden_rows,
    other_rows,
    paid_out,
    unchanged,
)
from bulk_topup.domain.run import Run
from bulk_topup.domain.run_names import fold_name
from bulk_topup.domain.states import RowState, is_open
from bulk_topup.errors import (
    AlreadyPaidError,
    HiddenRowsError,
    ListError,
    MappingError,
    OtherListError,
    RunNotFoundError,
)
from bulk_topup.intake.column_names import column_key
from bulk_topup.jobs.date_templates import template_pattern
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore

#: How long after its last row was sent a list without a job file may be run again as an interrupted one.
RUN_AGAIN_WITHIN: Final = timedelta(hours=12)


def check_can_be_added(job: Job, run: Run | None) -> None:
    """Raise RunNotFoundError if there is no run that the list could be added to, ListError if it has no name."""
    if run is None:
        raise RunNotFoundError(
            f"There is no run {job.name}/{job.run_key} to add the list to. Check --run-key, --ledger and --env, or "
            "start the run without --add."
        )
    if job.address is not None and not has_own_name(job.address):
        raise ListError(
            f"{job.list} has no name of its own, so the run could not tell its lists apart. Save the list in a file, "
            "and add that."
        )


def columns_in_run(job: Job, run: Run | None, columns: tuple[str, ...], *, add: bool) -> tuple[str, ...]:
    """Return the names of a list's columns in its run: where a run has several lists, as the first writes them.

    Args:
        job: the job.
        run: its run; None for a new one.
        columns: the columns of the list.
        add: whether the list is added to the run.

    Raises:
        MappingError: a list of several has other columns than the first.
    """
    if run is None or not (run.parts or add):
        return columns
    if [column_key(each) for each in columns] == [column_key(each) for each in run.columns]:
        return run.columns
    raise MappingError(
        f"{job.list} has other columns than run {run.name}, whose lists need the same ones in the same order: "
        f"{', '.join(run.columns)}. Nothing was sent."
    )


def find_sent_before(job: Job, run: Run | None, prepared: Prepared, ledger: LedgerStore) -> SentRows | None:
    """Return what a run has sent before new rows, or before a list without a job file of which nothing is left.

    Args:
        job: the job.
        run: its run; None for a new one.
        prepared: its list, checked and staged.
        ledger: an open ledger.
    """
    difference = prepared.difference
    new = difference.new - difference.replacing
    is_left = difference.to_send + difference.open + difference.corrected
    if run is None or not (new or (job.is_bare_list and not is_left)):
        return None
    return _sent_before(run, ledger)


def _sent_before(run: Run, ledger: LedgerStore) -> SentRows | None:
    span = ledger.runs.span(run)
    if span is None:
        return None
    counts = ledger.rows.sent_counts(run)
    rows = sum(number for state, number in counts.items() if state is not RowState.FAILED)
    return SentRows(run=run.name, rows=rows, first=span[0], last=span[1])


def find_same_list(
    job: Job, run: Run | None, prepared: Prepared, ledger: LedgerStore, environment: Environment
) -> SentRows | None:
    """Return the previous run of a job if it has paid exactly the rows of the staged list; else None.

    A run of the job under a key of its own, e.g. one that paid what was forgotten, does not hide that of the period
    before.

    Args:
        job: the job, its dates rendered.
        run: its run; None for a new one.
        prepared: its list, checked and staged.
        ledger: an open ledger.
        environment: where the run pays.
    """
    if job.is_bare_list or (run is not None and not prepared.difference.new):
        return None
    own = None if run is None else run.id
    others = [each for each in ledger.runs.all() if each.id != own and fold_name(each.job) == fold_name(job.name)]
    others = [each for each in others if each.environment == environment and each.purged_at is None]
    others.sort(key=lambda each: each.created_at, reverse=True)
    keys = None if job.run_key_template is None else template_pattern(job.run_key_template)
    of_periods = [] if keys is None else [each for each in others if re.fullmatch(keys, each.run_key)]
    for runs in (others, of_periods):
        previous = next((each for each in runs if ledger.runs.is_sent(each)), None)
        if previous is not None and ledger.staging.is_list_of(previous):
            return _sent_before(previous, ledger)
    return None


def find_uncorrected(
    job: Job, run: Run | None, ledger: LedgerStore, environment: Environment
) -> tuple[UncorrectedRow, ...]:
    """Return rows of the staged list with values that were corrected in the job's latest other run.

    Args:
        job: the job, its dates rendered.
        run: its run; None for a new one.
        ledger: an open ledger.
        environment: where the run pays.
    """
    if job.is_bare_list:
        return ()
    return tuple(ledger.corrections.uncorrected(job.name, str(job.run_key), environment, run))


def hidden_columns(
    job: Job, run: Run | None, indexes: Collection[int], columns: Sequence[str], *, add: bool
) -> tuple[str, ...]:
    """Return the names of columns that are hidden in a list's workbook, unless the job chooses the report's columns.

    Args:
        job: the job.
        run: its run; None for a new one.
        indexes: which columns of the list are hidden.
        columns: the names of its columns.
        add: whether it is added to its run, whose other lists have hidden columns of their own.
    """
    if job.report.columns is not None:
        return ()
    before = json.loads(run.reporting or "{}").get("hidden_columns", ()) if run is not None and add else ()
    found = [columns[index] for index in indexes if index < len(columns) and columns[index]]
    return tuple(dict.fromkeys([*before, *found]))


def find_list_problem(
    job: Job, run: Run | None, prepared: Prepared, ledger: LedgerStore, now: datetime, *, add: bool
) -> ListProblem | None:
    """Return why a list is not paid in its run; None if it is, or if it is that of its run.

    Args:
        job: the job, its dates rendered.
        run: its run; None for a new one.
        prepared: its list, checked and staged.
        ledger: an open ledger.
        now: the time, in UTC.
        add: whether the list is added to its run.
    """
    if prepared.unseen.is_undecided:
        return hidden_rows(job.list, prepared.unseen)
    difference, before = prepared.difference, prepared.sent_before
    if prepared.same_list is not None and job.list_must_change:
        return unchanged(job.list, prepared.same_list)
    if run is None:
        return None
    counts = ledger.rows.counts(run)
    pending = counts[RowState.PENDING]
    is_short = prepared.plan.rows <= SHORT_LIST and difference.known
    if pending and not (difference.shared or difference.replacing) and not is_short:
        return another_list(job.list, pending, run)
    is_left = bool(pending + counts[RowState.IN_FLIGHT])
    # A row that was refused and left the list was rather corrected in it.
    new = difference.new - difference.replacing
    others = new > difference.removed_refused
    may_grow = not job.is_bare_list and is_in_period(run, now) and (difference.known or not run.parts)
    if others and before is not None and not (add or is_left or may_grow):
        return other_rows(job.list, new, prepared.plan.rows, run, before)
    is_done = not (difference.to_send + difference.corrected) and not is_open(counts)
    if before is not None and job.is_bare_list and is_done and now - before.last > RUN_AGAIN_WITHIN:
        return paid_out(job.list, run, before, counts[RowState.FAILED])
    return None


def check_list(prepared: Prepared) -> None:
    """Check that a list is that of its run, and that it was not paid out long ago.

    Raises:
        AlreadyPaidError: it was paid out, or is that of the job's previous run and must change.
        OtherListError: it has other rows than its run, or is another list.
        HiddenRowsError: rows of it are hidden or struck through in the workbook.
    """
    problem = prepared.list_problem
    if problem is None:
        return
    if problem.kind in {ListProblemKind.PAID_OUT, ListProblemKind.UNCHANGED}:
        raise AlreadyPaidError(problem.message)
    if problem.kind is ListProblemKind.HIDDEN_ROWS:
        raise HiddenRowsError(problem.message)
    raise OtherListError(problem.message)
