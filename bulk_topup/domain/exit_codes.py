"""The one home of exit codes: each code with its sentence, and the code of each error; pure."""

from enum import IntEnum
from typing import Final

from bulk_topup.dvs.errors import BadRequestError, DVSError, InsufficientBalanceError, NotFoundError
from bulk_topup.errors import (
    BalanceTooLowError,
    BulkTopupError,
    ConfigurationError,
    DeclinedError,
    InterruptedRunError,
    InvalidInputError,
    LedgerBehindError,
    LedgerError,
    LedgerLockedError,
    LedgerWriteError,
    NotComparedError,
    PortInUseError,
    ReportError,
    RunLockedError,
    SandboxLockedError,
    StateError,
)


class ExitCode(IntEnum):
    """The numeric result of a command."""

    ALL_COMPLETED = 0
    INCOMPLETE = 1
    #: The command line itself; click's own code.
    USAGE = 2
    INVALID_INPUT = 3
    STOPPED_BY_PROVIDER = 4
    RUN_LOCKED = 5
    DECLINED = 6
    #: EX_TEMPFAIL of sysexits.h, so that a scheduler may run the command again.
    RESUMABLE = 75

    @property
    def sentence(self) -> str:
        """What the code means, as a sentence for help, documentation and messages."""
        return _SENTENCES[self]

    @property
    def headline(self) -> str:
        """What the code means in a few words, for the title of a notification."""
        return _HEADLINES[self]

    @property
    def next_step(self) -> str:
        """What to do next where neither the run nor the error says it, as a sentence."""
        return _NEXT_STEPS[self]

    @property
    def is_transient(self) -> bool:
        """Whether the same command may succeed later without a change by a person."""
        return self in {ExitCode.RUN_LOCKED, ExitCode.RESUMABLE}


_SENTENCES: Final = {
    ExitCode.ALL_COMPLETED: "Done: all rows completed, or nothing was due or to do.",
    ExitCode.INCOMPLETE: "Finished, but some rows are not completed, or a check found discrepancies or errors.",
    ExitCode.USAGE: "The command line is invalid.",
    ExitCode.INVALID_INPUT: (
        "Not acceptable; nothing was sent. The list, job, guard, approval or configuration is invalid, the list was "
        "paid already, an earlier run is open, the environment is not named, the account is another one, or something "
        "that is named (run, ledger, file, product, transaction) does not exist, or exists already. Also an unexpected "
        "error before anything was sent."
    ),
    ExitCode.STOPPED_BY_PROVIDER: "Stopped by DVS: credentials refused, balance too low, or no response.",
    ExitCode.RUN_LOCKED: "Locked by another process, or the port is in use.",
    ExitCode.DECLINED: "Declined at the prompt; nothing was sent or changed.",
    ExitCode.RESUMABLE: (
        "Interrupted or stopped while rows are open, or the ledger or report can't be written. Also an unexpected "
        "error after rows may have been sent. Run again to resume."
    ),
}

_HEADLINES: Final = {
    ExitCode.ALL_COMPLETED: "all rows completed",
    ExitCode.INCOMPLETE: "finished, some rows not completed",
    ExitCode.USAGE: "invalid command line",
    ExitCode.INVALID_INPUT: "checks failed, nothing was sent",
    ExitCode.STOPPED_BY_PROVIDER: "stopped by DVS",
    ExitCode.RUN_LOCKED: "locked by another process, or port in use",
    ExitCode.DECLINED: "declined at the prompt, nothing was sent",
    ExitCode.RESUMABLE: "interrupted, can be resumed",
}

_NEXT_STEPS: Final = {
    ExitCode.ALL_COMPLETED: "Nothing to do.",
    ExitCode.INCOMPLETE: "Fix what the message and the report name, then run again.",
    ExitCode.USAGE: "See `--help`, then run again.",
    ExitCode.INVALID_INPUT: "Fix the error above, then run again.",
    ExitCode.STOPPED_BY_PROVIDER: "Fix the error above, then run again.",
    ExitCode.RUN_LOCKED: "Wait until the other process ends, or choose another port, then run again.",
    ExitCode.DECLINED: "Run again to confirm.",
    ExitCode.RESUMABLE: "Run again to resume. No row is paid twice.",
}

#: The code of each error class and of those below it. A class comes before its own base.
_CODES: Final[tuple[tuple[type[BulkTopupError], ExitCode], ...]] = (
    (InvalidInputError, ExitCode.INVALID_INPUT),
    (DeclinedError, ExitCode.DECLINED),
    (PortInUseError, ExitCode.RUN_LOCKED),
    (SandboxLockedError, ExitCode.RUN_LOCKED),
    (ConfigurationError, ExitCode.INVALID_INPUT),
    (RunLockedError, ExitCode.RUN_LOCKED),
    (LedgerWriteError, ExitCode.RESUMABLE),
    # A move that the table forbids stops a run that may have sent rows: what is open is resumed.
    (StateError, ExitCode.RESUMABLE),
    (LedgerBehindError, ExitCode.RESUMABLE),
    (NotComparedError, ExitCode.RESUMABLE),
    (LedgerLockedError, ExitCode.RUN_LOCKED),
    (LedgerError, ExitCode.INVALID_INPUT),
    (BalanceTooLowError, ExitCode.STOPPED_BY_PROVIDER),
    (InsufficientBalanceError, ExitCode.STOPPED_BY_PROVIDER),
    # DVS answered that what was asked for does not exist, or is not allowed: another command line is needed.
    (NotFoundError, ExitCode.INVALID_INPUT),
    (BadRequestError, ExitCode.INVALID_INPUT),
    (DVSError, ExitCode.STOPPED_BY_PROVIDER),
    (InterruptedRunError, ExitCode.RESUMABLE),
    (ReportError, ExitCode.RESUMABLE),
)


def crash_code(*, has_started: bool) -> ExitCode:
    """Return the exit code of an unexpected error, which also shows a traceback; never Python's own 1.

    Args:
        has_started: whether something may have been sent before.
    """
    return ExitCode.RESUMABLE if has_started else ExitCode.INVALID_INPUT


def exit_code_for(error: BulkTopupError) -> ExitCode:
    """Return the exit code of an error.

    Args:
        error: an instance of a class below `BulkTopupError`.

    Raises:
        LookupError: the class of the error has no exit code; a test checks that all of ours have one.
    """
    for class_, code in _CODES:
        if isinstance(error, class_):
            return code
    raise LookupError(f"{type(error).__name__} has no exit code.")
