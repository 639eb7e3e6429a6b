"""What the end of an invocation means where no command line decides it."""

import pytest

from bulk_topup.app.run_ending import end_of
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.errors import BulkTopupError, ListError


class CallersError(BulkTopupError):
    """A class of a script's own, which has no exit code."""


def test_an_error_of_ours_has_its_exit_code() -> None:
    end = end_of(ListError("broken"), None)
    assert (end.code, end.is_crash) == (ExitCode.INVALID_INPUT, False)


@pytest.mark.parametrize("error", [CallersError("stop"), ValueError("stop")])
def test_an_error_without_an_exit_code_is_a_crash(error: Exception) -> None:
    end = end_of(error, None)
    assert (end.code, end.error, end.is_crash) == (ExitCode.INCOMPLETE, error, True)
