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


class ExitMeaning(IntEnum):
    """What an exit code says."""

    #: All rows completed, or the command did what it was asked for.
    ALL_COMPLETED = 0
    #: The run ended, and some rows did not complete.
    SOME_DID_NOT_COMPLETE = 1
    #: It was not asked for in a way that can be answered.
    USAGE = 2
    #: The list or the job is not acceptable, a guard is broken, or an approval is missing; nothing was sent.
    NOT_ACCEPTABLE = 3
    #: Credentials, balance, or no answer.
    STOPPED_BY_PROVIDER = 4
    #: Another process works on the run.
    HELD_BY_ANOTHER = 5
    #: Interrupted or stopped while rows wait: start again to resume.
    RESUME_ME = 75

    @property
    def may_pass(self) -> bool:
        """Whether the same start, a little later, may come further without a person."""
        return self in {ExitMeaning.HELD_BY_ANOTHER, ExitMeaning.RESUME_ME}


_MEANINGS: Final[tuple[tuple[type[BulkTopupError], ExitMeaning], ...]] = (
    (ListError, ExitMeaning.NOT_ACCEPTABLE),
    (MappingError, ExitMeaning.NOT_ACCEPTABLE),
    (JobError, ExitMeaning.NOT_ACCEPTABLE),
    (RowsRefusedError, ExitMeaning.NOT_ACCEPTABLE),
    (GuardError, ExitMeaning.NOT_ACCEPTABLE),
    (ApprovalError, ExitMeaning.NOT_ACCEPTABLE),
    (BalanceTooLowError, ExitMeaning.STOPPED_BY_PROVIDER),
    (DVSError, ExitMeaning.STOPPED_BY_PROVIDER),
    (RunLockedError, ExitMeaning.HELD_BY_ANOTHER),
    (InterruptedRunError, ExitMeaning.RESUME_ME),
)


def exit_meaning(error: BulkTopupError) -> ExitMeaning:
    """Give what an error means; one that has no meaning of its own is a matter of usage."""
    return next((meaning for kind, meaning in _MEANINGS if isinstance(error, kind)), ExitMeaning.USAGE)
