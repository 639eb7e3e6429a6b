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


class RunNotFoundError(LedgerError):
    """The ledger holds no such run; `bulk-topup status` lists the runs it has."""


class RunLockedError(LedgerError):
    """Another process holds this run; wait until it ends, or stop it, then start again."""


class PurgedRunError(LedgerError):
    """The run's personal data was removed, so nobody can tell whom it paid; it is never started again."""


class StateError(LedgerError):
    """A row was asked to make a move that the table of states does not allow."""
