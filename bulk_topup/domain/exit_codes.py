"""How a command or a run ends, as one number for scripts, and which error means which; pure."""

from enum import IntEnum
from typing import Final

from bulk_topup.dvs import DVSError
from bulk_topup.errors import (
    ApprovalError,
    BalanceTooLowError,
    BulkTopupError,
    GuardError,
    InterruptedRunError,
    JobError,
    ListError,
    MappingError,
    RowsRefusedError,
    RunLockedError,
)


class ExitCode(IntEnum):
    """What an exit code says."""

    #: All rows completed, or the command did what it was asked for.
    ALL_COMPLETED = 0
    #: The run ended, and some rows did not complete.
    INCOMPLETE = 1
    #: It was not asked for in a way that can be answered.
    USAGE = 2
    #: The list or the job is not acceptable, a guard is broken, or an approval is missing; nothing was sent.
    INVALID_INPUT = 3
    #: Credentials, balance, or no answer.
    STOPPED_BY_PROVIDER = 4
    #: Another process works on the run.
    RUN_LOCKED = 5
    #: Interrupted or stopped while rows wait: start again to resume.
    RESUMABLE = 75

    @property
    def is_transient(self) -> bool:
        """Whether the same start, a little later, may come further without a person."""
        return self in {ExitCode.RUN_LOCKED, ExitCode.RESUMABLE}


_MEANINGS: Final[tuple[tuple[type[BulkTopupError], ExitCode], ...]] = (
    (ListError, ExitCode.INVALID_INPUT),
    (MappingError, ExitCode.INVALID_INPUT),
    (JobError, ExitCode.INVALID_INPUT),
    (RowsRefusedError, ExitCode.INVALID_INPUT),
    (GuardError, ExitCode.INVALID_INPUT),
    (ApprovalError, ExitCode.INVALID_INPUT),
    (BalanceTooLowError, ExitCode.STOPPED_BY_PROVIDER),
    (DVSError, ExitCode.STOPPED_BY_PROVIDER),
    (RunLockedError, ExitCode.RUN_LOCKED),
    (InterruptedRunError, ExitCode.RESUMABLE),
)


def exit_code_for(error: BulkTopupError) -> ExitCode:
    """Give what an error means; one that has no meaning of its own is a matter of usage."""
    return next((meaning for kind, meaning in _MEANINGS if isinstance(error, kind)), ExitCode.USAGE)
