"""Define the base of all exceptions and those about lists, jobs, ledgers, runs and reports; imports nothing of ours.

The docstring of each class is its default message. What DVS answers has a branch of its own in `dvs/errors.py`, and the
exit code of each class is in `domain/exit_codes.py`.
"""


class BulkTopupError(Exception):
    """bulk-topup can't continue."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class InvalidInputError(BulkTopupError):
    """The input is invalid. Nothing was sent."""


class ListError(InvalidInputError):
    """The list can't be read."""


class MappingError(InvalidInputError):
    """The list's columns can't be mapped to DVS fields."""


class JobError(InvalidInputError):
    """The job file is invalid."""


class RowsRefusedError(InvalidInputError):
    """Rows of the list are refused, so nothing was sent. Fix them, or add --skip-refused to pay the others."""


class ProductsChangedError(InvalidInputError):
    """Products of the list changed after its plan was made, so nothing was sent. Run again to see the new plan."""


class StatementsChangedError(InvalidInputError):
    """What an account owes changed after the plan was made."""


class GuardError(InvalidInputError):
    """A cap or a control total does not allow the run, so nothing was sent."""


class EnvironmentMismatchError(InvalidInputError):
    """The run belongs to another environment."""


class EnvironmentNotNamedError(InvalidInputError):
    """No environment is named, so nothing was sent. Add --env."""


class AccountMismatchError(InvalidInputError):
    """The run belongs to another account."""


class ModeMismatchError(InvalidInputError):
    """The run was started in another mode."""


class EarlierRunOpenError(InvalidInputError):
    """An earlier run of the job is open, so nothing was sent. Resume it, or close it."""


class ApprovalError(InvalidInputError):
    """The approval does not match the run, so nothing was sent."""


class ApprovalRequiredError(ApprovalError):
    """The run needs an approval, so nothing was sent."""


class ConfirmationRequiredError(InvalidInputError):
    """Production needs confirmation, so nothing was sent."""


class DeclinedError(BulkTopupError):
    """Not confirmed. Nothing was sent or changed."""


class ConfigurationError(BulkTopupError):
    """The configuration is invalid."""


class PinKeyError(ConfigurationError):
    """There is no key to encrypt PINs with."""


class PortInUseError(ConfigurationError):
    """Another process uses the port. Choose another one."""


class SandboxLockedError(ConfigurationError):
    """Another process uses the sandbox's books. Wait until it ends, or stop it."""


class LedgerError(BulkTopupError):
    """The ledger can't be used."""


class AlreadyPaidError(InvalidInputError):
    """Other runs have paid the list."""


class OtherListError(InvalidInputError):
    """The list has other rows than its run, so nothing was sent."""


class HiddenRowsError(InvalidInputError):
    """Rows of the list are hidden or struck through in the workbook, so nothing was sent."""


class LedgerOutdatedError(LedgerError):
    """The ledger was written by an earlier version, and is only read here."""


class LedgerMissingError(LedgerError):
    """There is no ledger."""


class LedgerWriteError(LedgerError):
    """The ledger can't be written."""


class LedgerLockedError(LedgerError):
    """Another process has locked the ledger. Wait until it ends, then try again."""


class TransactionNotFoundError(InvalidInputError):
    """DVS has no such transaction in this account."""


class NumberNotFoundError(InvalidInputError):
    """DVS does not know the number."""


class RunNotFoundError(LedgerError):
    """The ledger has no such run. `bulk-topup status` lists its runs."""


class RunNameError(LedgerError):
    """The name of the run could mean another run too, so nothing was sent."""


class RunNotRebuiltError(LedgerError):
    """A rebuild of the run was interrupted, so nothing was sent. Rebuild it again."""


class LedgerBehindError(LedgerError):
    """DVS has transactions of the run that the ledger lacks, so nothing was sent. Rebuild the run."""


class RunLockedError(LedgerError):
    """Another process works on this run. Wait until it ends, or stop it, then run again."""


class PurgedRunError(LedgerError):
    """The run's personal data was purged, so the run can't be sent again."""


class ClosedRunError(LedgerError):
    """The run was closed, so nothing more of it is sent."""


class StateError(LedgerError):
    """A row can't make a move that the table of states does not allow."""


class BalanceTooLowError(BulkTopupError):
    """The wallet does not cover the remaining cost, so nothing was sent. Top it up, then run again."""


class NotComparedError(BulkTopupError):
    """DVS's list of transactions can't be read, so nothing was sent. Run again."""


class InterruptedRunError(BulkTopupError):
    """The run was interrupted. Run again to resume."""


class ReportError(BulkTopupError):
    """The report can't be written. The ledger keeps every outcome: write it later with `bulk-topup report`."""
