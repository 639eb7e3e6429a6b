"""Opens the ledger that a command's options name, where there is one."""

from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import LedgerStore


def open_existing_ledger(options: ProviderOptions, *, read_only: bool = False) -> LedgerStore:
    """Open the ledger that the options name.

    Raises:
        LedgerError: there is none yet, or it cannot be used.
    """
    try:
        is_there = options.ledger.exists()
    except OSError:  # no file can have this name
        is_there = False
    if not is_there:
        raise LedgerError(f"There is no ledger at {options.ledger}; name one with --ledger, or start a run first.")
    return LedgerStore(options.ledger, read_only=read_only)
