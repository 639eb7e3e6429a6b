"""Hold a lock on a file that exists only as long as it is locked; touches that file alone."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from bulk_topup.system.files import OWNER_ONLY

#: Wait until the lock is free.
FOR_EVER = -1.0


@contextmanager
def locked_file(path: Path, *, timeout: float = 0.0) -> Iterator[FileLock]:
    """Lock a file while the block runs, and remove it afterwards; the system releases the lock if the process dies.

    The file is removed while it is still locked. A process that opened it before gets the lock of a file without a
    name, which `FileLock` finds out and takes for no lock, so it opens the name again. That needs version 4: earlier
    ones take such a lock, or remove the file of another process when they release theirs.

    Args:
        path: the file, created for its owner only; one that a killed process left is used and removed.
        timeout: seconds to wait for another process, or `FOR_EVER`.

    Raises:
        Timeout: another process has the lock.
        OSError: the file can't be written.
    """
    lock = FileLock(path, timeout=timeout, mode=OWNER_ONLY)
    lock.acquire()
    try:
        identity = _identity(path)
        try:
            yield lock
        finally:
            # Never the file of another process, whose lock would then guard no name: a person may have removed ours.
            # And not one with a second name, by which a process could take it for one that is still in use.
            with suppress(OSError):
                if identity is not None and _identity(path) == identity and path.lstat().st_nlink == 1:
                    path.unlink()
    finally:
        lock.release()


def _identity(path: Path) -> tuple[int, int] | None:
    """Return the device and the inode of a file; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
