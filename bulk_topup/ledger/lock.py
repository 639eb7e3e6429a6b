"""Locks a run for one process: a lock on files beside the ledger, released by the system when the process dies."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from bulk_topup.domain.run import Run
from bulk_topup.errors import LedgerWriteError, RunLockedError
from bulk_topup.ledger.file_place import check_owner
from bulk_topup.ledger.lock_holder import lock_files
from bulk_topup.system.lock_file import locked_file


@dataclass(frozen=True, slots=True)
class RunLock:
    """The lock of a run: one file for all spellings of its name, and one for this spelling."""

    files: tuple[FileLock, ...]

    @property
    def is_locked(self) -> bool:
        """Whether this process has the lock."""
        return all(file.is_locked for file in self.files)


@contextmanager
def run_lock(ledger: Path, job: str, run_key: str, *, locked: RunLock | None = None) -> Iterator[RunLock]:
    """Lock a run while the block runs, for every spelling of its name.

    Args:
        ledger: the ledger's file.
        job: the run's job.
        run_key: the run's key.
        locked: the lock of an enclosing block; what it has locked already is not locked again.

    Raises:
        RunLockedError: another process has locked the run.
        LedgerWriteError: the lock file can't be written.
        LedgerError: it belongs to another user.
    """
    held = locked.files if locked is not None and locked.is_locked else ()
    known = {file.lock_file for file in held}
    missing = {file: f"{job}/{run_key}" for file in lock_files(ledger, job, run_key) if str(file) not in known}
    if locked is not None and not missing:
        yield locked
        return
    with _locked(missing) as lock:
        yield RunLock((*held, *lock.files))


@contextmanager
def run_locks(ledger: Path, runs: Iterable[Run]) -> Iterator[RunLock]:
    """Lock several runs while the block runs, also those whose names differ in spelling alone.

    Raises:
        RunLockedError: another process has locked one of the runs.
        LedgerWriteError: a lock file can't be written.
    """
    with _locked({file: run.name for run in runs for file in lock_files(ledger, run.job, run.run_key)}) as lock:
        yield lock


@contextmanager
def _locked(runs: Mapping[Path, str]) -> Iterator[RunLock]:
    """Lock files, each for the run with that name."""
    with ExitStack() as stack:
        locks = [_acquire(stack, file, run) for file, run in runs.items()]
        yield RunLock(tuple(locks))


def _acquire(stack: ExitStack, file: Path, run: str) -> FileLock:
    """Lock a file until the stack is closed."""
    check_owner(file)
    try:
        return stack.enter_context(locked_file(file))
    except Timeout:
        raise RunLockedError(
            f"Another process is working on run {run}. Wait until it ends, or stop it, then run again."
        ) from None
    except OSError as error:
        raise LedgerWriteError(
            f"Can't lock run {run} with {file}: {error.strerror}. "
            "Check the disk and the permissions of its folder, then run again."
        ) from error
