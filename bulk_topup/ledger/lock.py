"""One writer a run: a lock on a file beside the ledger, which the system lets go when its process dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bulk_topup.errors import LedgerError, RunLockedError
from bulk_topup.ledger.lock_holder import LOCK, run_file
from bulk_topup.system.files import OWNER_ONLY


@contextmanager
def run_lock(ledger: Path, job: str, run_key: str, *, held: FileLock | None = None) -> Iterator[FileLock]:
    """Hold a run while the block lasts.

    Args:
        ledger: the ledger's file.
        job: the run's job.
        run_key: the run's key.
        held: what a block around this one gave; where it holds the same run, nothing is locked again.

    Raises:
        RunLockedError: another process holds it.
        LedgerError: the ledger's folder cannot be written to.
    """
    lock = FileLock(run_file(ledger, job, run_key, LOCK), timeout=0, mode=OWNER_ONLY)
    if held is not None and held.is_locked and held.lock_file == lock.lock_file:
        yield held
        return
    try:
        lock.acquire()
    except Timeout:
        raise RunLockedError(
            f"Another process is working on run {job}/{run_key}; wait until it ends, or stop it, then start again."
        ) from None
    except OSError as error:
        raise LedgerError(f"The ledger's folder {ledger.parent} cannot be written to: {error.strerror}.") from error
    try:
        yield lock
    finally:
        lock.release()
