"""What the end of an invocation means to those who are not at its terminal."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.run_ending import end_of, exit_code
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.engine import RunResult
from bulk_topup.errors import BulkTopupError, InterruptedRunError, RunLockedError

COMPLETED = dict.fromkeys(RowState, 0) | {RowState.COMPLETED: 3}


def finished_with(nothing_due: int = 0, duplicates: int = 0, **counts: int) -> FinishedRun:
    """Return the end of a run with three rows completed, and others."""
    states = COMPLETED | {RowState(state): count for state, count in counts.items()}
    summary = Summary(
        run="payroll/1",
        environment="sandbox",
        account="",
        rows=sum(states.values()),
        counts=states,
        totals=(),
        charged={},
        held={},
        in_conflict={},
        planned={},
        unknown_charges=0,
        nothing_due=nothing_due,
        duplicates=duplicates,
    )
    return FinishedRun(
        run=cast("Any", None),
        result=RunResult(counts=states, contradicted=0, reason=None, message=""),
        report=cast("Any", SimpleNamespace(summary=summary)),
    )


FINISHED = finished_with()


class CallersError(BulkTopupError):
    """A class of a script's own, which has no exit code."""


@pytest.mark.parametrize("finished", [None, FINISHED])
@pytest.mark.parametrize(
    ("error", "code", "is_crash"),
    [
        (RunLockedError(), ExitCode.RUN_LOCKED, False),
        (InterruptedRunError(), ExitCode.RESUMABLE, False),
        (OSError("no space"), ExitCode.RESUMABLE, True),
        (CallersError("stop"), ExitCode.RESUMABLE, True),
        (KeyboardInterrupt(), ExitCode.RESUMABLE, False),
    ],
)
def test_an_error_is_the_end_even_if_the_run_ended_before(
    error: BaseException, code: int, is_crash: bool, finished: FinishedRun | None
) -> None:
    end = end_of(error, finished, has_started=True)
    assert (end.code, end.is_crash, end.is_news) == (code, is_crash, True)


@pytest.mark.parametrize("error", [OSError("no space"), CallersError("stop")])
def test_an_unexpected_error_before_anything_was_sent_says_so(error: Exception) -> None:
    end = end_of(error, None, has_started=False)
    assert (end.code, end.is_crash) == (ExitCode.INVALID_INPUT, True)


def test_without_error_the_run_is_the_end() -> None:
    assert end_of(None, FINISHED, has_started=True).code == ExitCode.ALL_COMPLETED
    assert not end_of(None, None, has_started=False).is_news


def test_rows_that_are_set_aside_are_no_failure_and_others_are() -> None:
    assert exit_code(finished_with(nothing_due=1, duplicates=1, refused=2)) is ExitCode.ALL_COMPLETED
    assert exit_code(finished_with(nothing_due=2, refused=2)) is ExitCode.ALL_COMPLETED
    assert exit_code(finished_with(nothing_due=1, refused=2)) is ExitCode.INCOMPLETE
    assert exit_code(finished_with(nothing_due=1, refused=1, failed=1)) is ExitCode.INCOMPLETE
