"""Opens the ledger that a command's options name; a new one that is not used is removed again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.errors import LedgerMissingError, LedgerOutdatedError
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock


def ledger_exists(path: Path) -> bool:
    """Return True if there is a file; False as well if no file can have this name."""
    try:
        return path.exists()
    except OSError:
        return False


def open_existing_ledger(
    options: ProviderOptions, *, read_only: bool = False, clock: Clock | None = None
) -> LedgerStore:
    """Open the ledger that the options name.

    Args:
        options: environment and ledger.
        read_only: whether nothing is written to it.
        clock: source of the times of events; None for this machine's clock.

    Raises:
        LedgerMissingError: it does not exist.
        LedgerError: it cannot be used.
    """
    if not ledger_exists(options.ledger):
        raise LedgerMissingError(f"No ledger at {options.ledger}. Check --ledger and --env.")
    return open_for_reading(options.ledger) if read_only else LedgerStore(options.ledger, clock=clock)


@contextmanager
def open_or_create_ledger(options: ProviderOptions, *, clock: Clock | None = None) -> Iterator[LedgerStore]:
    """Open the ledger that the options name; one that is created and in which nothing is kept is removed at the end.

    Args:
        options: environment and ledger.
        clock: source of the times of events; None for this machine's clock.

    Raises:
        LedgerError: it cannot be used.
    """
    ledger = LedgerStore(options.ledger, clock=clock)
    try:
        yield ledger
    finally:
        ledger.close_unused()


def open_for_reading(path: Path) -> LedgerStore:
    """Open a ledger only to read it; one that an earlier version wrote is upgraded first.

    Raises:
        LedgerWriteError: it has to be upgraded and cannot be written.
        LedgerError: it cannot be used.
    """
    try:
        return LedgerStore(path, read_only=True)
    except LedgerOutdatedError:
        LedgerStore(path).close()
        return LedgerStore(path, read_only=True)
