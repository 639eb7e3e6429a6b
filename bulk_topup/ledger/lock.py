"""Files beside the ledger that are one run's: its lock, which the system lets go when its process dies."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bulk_topup.errors import LedgerError, RunLockedError
from bulk_topup.files import OWNER_ONLY


def run_file(ledger: Path, job: str, run_key: str, ending: str) -> Path:
    """Give the place of a file beside a ledger that is one run's alone."""
    digest = hashlib.sha256(f"{len(job)}:{job}{run_key}".encode()).hexdigest()[:16]
    # Whatever name the ledger goes by, a link included, it is one file.
    path = ledger.resolve()
    return path.with_name(f"{path.name}.{digest}.{ending}")


@contextmanager
def run_lock(ledger: Path, job: str, run_key: str) -> Iterator[None]:
    """Hold a run while the block lasts.

    Raises:
        RunLockedError: another process holds it.
        LedgerError: the ledger's folder cannot be written to.
    """
    lock = FileLock(run_file(ledger, job, run_key, "lock"), timeout=0, mode=OWNER_ONLY)
    try:
        lock.acquire()
    except Timeout:
        raise RunLockedError(
            f"Another process is working on run {job}/{run_key}; wait until it ends, or stop it, then start again."
        ) from None
    except OSError as error:
        raise LedgerError(f"The ledger's folder {ledger.parent} cannot be written to: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()
