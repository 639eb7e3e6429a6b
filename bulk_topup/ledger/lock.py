"""Locks a run for one process: a lock on a file beside the ledger, released by the system when the process dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bulk_topup.errors import LedgerWriteError, RunLockedError
from bulk_topup.ledger.lock_holder import LOCK, run_file
from bulk_topup.system.files import OWNER_ONLY


@contextmanager
def run_lock(ledger: Path, job: str, run_key: str, *, locked: FileLock | None = None) -> Iterator[FileLock]:
    """Lock a run while the block runs.

    Args:
        ledger: the ledger's file.
        job: the run's job.
        run_key: the run's key.
        locked: the lock of an enclosing block; if it is for the same run, it is used again.

    Raises:
        RunLockedError: another process has locked the run.
        LedgerWriteError: the lock file can't be written.
    """
    lock = FileLock(run_file(ledger, job, run_key, LOCK), timeout=0, mode=OWNER_ONLY)
    if locked is not None and locked.is_locked and locked.lock_file == lock.lock_file:
        yield locked
        return
    try:
        lock.acquire()
    except Timeout:
        raise RunLockedError(
            f"Another process is working on run {job}/{run_key}. Wait until it ends, or stop it, then run again."
        ) from None
    except OSError as error:
        raise LedgerWriteError(
            f"Can't lock run {job}/{run_key} with {lock.lock_file}: {error.strerror}. "
            "Check the disk and the permissions of its folder, then run again."
        ) from error
    try:
        yield lock
    finally:
        lock.release()
