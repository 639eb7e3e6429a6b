"""Define why a list is not paid in its run: it was paid out, has other rows, or is another list; pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulk_topup.domain.earlier_payments import SentRows
from bulk_topup.domain.run import Run
from bulk_topup.domain.unseen_rows import UnseenRows
from bulk_topup.domain.verdict import format_rows, run_arguments

_TIME: Final = "%Y-%m-%d %H:%M UTC"


class ListProblemKind(StrEnum):
    """What is wrong with a list."""

    #: Every row of it was paid, so long ago that it is rather a new payout whose file has the old name.
    PAID_OUT = "paid_out"
    #: It has rows that its run, which has nothing left to send, does not have.
    OTHER_ROWS = "other_rows"
    #: It has no row of its run, which has rows pending.
    ANOTHER_LIST = "another_list"
    #: It is that of the job's previous run, and the job says that it must change.
    UNCHANGED = "unchanged"
    #: Rows of it are hidden or struck through in the workbook, and nobody has decided whether they are paid.
    HIDDEN_ROWS = "hidden_rows"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListProblem:
    """Why a list is not paid in its run."""

    kind: ListProblemKind
    #: One sentence for a plan.
    headline: str
    #: What happened and the ways on.
    message: str


def paid_out(list_path: str, run: Run, before: SentRows, failed: int) -> ListProblem:
    """Return the problem of a list that was paid out long ago.

    Args:
        list_path: the list.
        run: its run.
        before: what the run has sent.
        failed: rows of it that failed.
    """
    failures = f" {format_rows(failed)} of it failed: `bulk-topup retry {run_arguments(run)}`." if failed else ""
    return ListProblem(
        kind=ListProblemKind.PAID_OUT,
        headline=f"Paid already on {before.last:%Y-%m-%d}; nothing is left to send.{failures}",
        message=(
            f"{list_path} was paid already: run {before.run} sent its last row on {before.last:{_TIME}}, and nothing "
            f"is left to send.{failures} To pay the list again, add --run-key NAME and --pay-again REASON. If it is "
            "another payout, save it under another name."
        ),
    )


def other_rows(list_path: str, new: int, rows: int, run: Run, before: SentRows) -> ListProblem:
    """Return the problem of a list with rows that its run, which has nothing left to send, does not have.

    Args:
        list_path: the list.
        new: how many of its rows these are.
        rows: its rows.
        run: its run.
        before: what the run has sent.
    """
    verb = "is" if new == 1 else "are"
    return ListProblem(
        kind=ListProblemKind.OTHER_ROWS,
        headline=f"{new:,} of {format_rows(rows)} {verb} not in this run. Add --add, or another --run-key.",
        message=(
            f"{new:,} of {format_rows(rows)} of {list_path} {verb} not in run {run.name}, which sent "
            f"{format_rows(before.rows)}, the last on {before.last:{_TIME}}, and has nothing left to send. Nothing was "
            f"sent. To pay {'it' if new == 1 else 'them'} in that run, whose other rows stay "
            "as they are, add --add. If the list is another payout, add --run-key NAME."
        ),
    )


def another_list(list_path: str, pending: int, run: Run) -> ListProblem:
    """Return the problem of a list that has no row of its run, which has rows pending.

    Args:
        list_path: the list.
        pending: rows of the run that are pending.
        run: its run.
    """
    return ListProblem(
        kind=ListProblemKind.ANOTHER_LIST,
        headline=f"Another list: this run has {format_rows(pending)} pending, and no row of the list.",
        message=(
            f"{list_path} is another list: it has no row of run {run.name}, which has {format_rows(pending)} pending. "
            f"Nothing was sent. To send those first: `bulk-topup resume {run_arguments(run)}`; after that, --add adds "
            f"this list. If they must not be sent: `bulk-topup close {run_arguments(run)} --reason TEXT`. To pay this "
            "list as a payout of its own, add --run-key NAME."
        ),
    )


def unchanged(list_path: str, previous: SentRows) -> ListProblem:
    """Return the problem of a list that must change, and is that of the job's previous run.

    Args:
        list_path: the list.
        previous: what that run has sent.
    """
    return ListProblem(
        kind=ListProblemKind.UNCHANGED,
        headline=f"The list has not changed since run {previous.run}, sent {previous.times}.",
        message=(
            f"{list_path} is the list of run {previous.run}, sent {previous.times}, and the job has list_must_change. "
            "Nothing was sent. Put this period's list there. If the same is to be paid again, set list_must_change to "
            "false."
        ),
    )


def hidden_rows(list_path: str, unseen: UnseenRows) -> ListProblem:
    """Return the problem of a workbook with rows that a person does not see as a part of the list.

    Args:
        list_path: the list.
        unseen: these rows.
    """
    ways = "--hidden-rows leave-out if they are not to be paid, or --hidden-rows pay if they are"
    return ListProblem(
        kind=ListProblemKind.HIDDEN_ROWS,
        headline=f"{unseen.sentence()}. Add --hidden-rows leave-out or --hidden-rows pay.",
        message=f"{list_path}: {unseen.sentence()}. Nothing was sent. Add {ways}.",
    )
