"""What the end of an invocation means to those who are not at its terminal."""

from typing import Any, cast

import pytest

from bulk_topup.app.run import FinishedRun
from bulk_topup.app.run_ending import end_of
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.states import RowState
from bulk_topup.engine import RunResult
from bulk_topup.errors import BulkTopupError, InterruptedRunError, RunLockedError

COMPLETED = dict.fromkeys(RowState, 0) | {RowState.COMPLETED: 3}
FINISHED = FinishedRun(
    run=cast("Any", None),
    result=RunResult(counts=COMPLETED, contradicted=0, reason=None, message=""),
    report=cast("Any", None),
)


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
