"""The one exception base and what the project raises about lists, plans, ledgers and runs; imports nothing of ours.

The docstring of each class is its default message. What the provider answers has its own branch in `dvs/errors.py`.
"""


class BulkTopupError(Exception):
    """bulk-topup could not go on."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class ListError(BulkTopupError):
    """The list cannot be read."""


class MappingError(BulkTopupError):
    """The list's columns cannot be mapped to DVS fields."""


class JobError(BulkTopupError):
    """The job file is not acceptable."""


class ConfigurationError(BulkTopupError):
    """The settings are not usable."""


class PinKeyError(ConfigurationError):
    """There is no key to encrypt PINs with."""


class LedgerError(BulkTopupError):
    """The ledger cannot be used."""


class LedgerMissingError(LedgerError):
    """There is no ledger."""


class LedgerWriteError(LedgerError):
    """The ledger can't be written."""


class RunNotFoundError(LedgerError):
    """The ledger holds no such run; `bulk-topup status` lists the runs it has."""


class RunLockedError(LedgerError):
    """Another process holds this run; wait until it ends, or stop it, then start again."""


class PurgedRunError(LedgerError):
    """The run's personal data was removed, so nobody can tell whom it paid; it is never started again."""


class StateError(LedgerError):
    """A row was asked to make a move that the table of states does not allow."""


class RowsRefusedError(BulkTopupError):
    """Rows of the list are refused, so nothing was sent; correct them, or state --skip-refused to pay the others."""


class BalanceTooLowError(BulkTopupError):
    """The wallet does not cover what is still to be paid, so nothing was sent; top it up and start again."""


class GuardError(BulkTopupError):
    """A cap or a control total does not allow the run, so nothing was sent."""


class EnvironmentMismatchError(BulkTopupError):
    """The run was begun in another environment."""


class AccountMismatchError(BulkTopupError):
    """The run was begun with another account."""


class ModeMismatchError(BulkTopupError):
    """The run was begun in another mode."""


class InterruptedRunError(BulkTopupError):
    """The run could not go on, and goes on where it was when it is started again."""


class ApprovalError(BulkTopupError):
    """Nobody else approved the run as it is, so nothing was sent."""


class ApprovalRequiredError(ApprovalError):
    """Nobody has approved the run yet, so nothing was sent."""
