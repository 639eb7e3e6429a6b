"""A run's files beside the ledger, and whether a process holds its lock, which is not touched; reads `/proc/locks`."""

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from bulk_topup.domain.run_names import fold_run_name

#: File name suffix of a run's lock.
LOCK: Final = "lock"

_LOCKS: Final = Path("/proc/locks")
#: A lock on a whole file: device and inode of the file.
_LOCK: Final = re.compile(r"FLOCK\s+ADVISORY\s+WRITE\s+-?\d+\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s", re.ASCII)


def run_file(ledger: Path, job: str, run_key: str, ending: str) -> Path:
    """Return the path of a file beside the ledger that belongs to one run."""
    digest = hashlib.sha256(f"{len(job)}:{job}{run_key}".encode()).hexdigest()[:16]
    # A ledger that is reached by a link is the same file.
    path = ledger.resolve()
    return path.with_name(f"{path.name}.{digest}.{ending}")


def lock_files(ledger: Path, job: str, run_key: str) -> tuple[Path, ...]:
    """Return the files whose locks a process that works on a run has: that of the folded name, and that of the name.

    Earlier versions, which may still be running, lock the second alone.
    """
    folded = run_file(ledger, *fold_run_name(job, run_key), LOCK)
    exact = run_file(ledger, job, run_key, LOCK)
    return (folded,) if folded == exact else (folded, exact)


def is_locked(ledger: Path, job: str, run_key: str) -> bool:
    """Return True if a process is known to work on a run; not every system and file system shows it.

    Trying the lock would disturb a run that starts at that moment: it would find the run locked and end.
    """
    try:
        locks = _LOCKS.read_text(encoding="ascii")
        file = run_file(ledger, job, run_key, LOCK).stat()
    except (OSError, UnicodeDecodeError):
        return False
    wanted = os.major(file.st_dev), os.minor(file.st_dev), file.st_ino
    return any((int(major, 16), int(minor, 16), int(inode)) == wanted for major, minor, inode in _LOCK.findall(locks))
