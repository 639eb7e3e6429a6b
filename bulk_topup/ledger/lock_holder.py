"""A run's files beside the ledger, and whether a process holds its lock, which is not touched; reads `/proc/locks`."""

import hashlib
import os
import re
from pathlib import Path
from typing import Final

#: Ends the name of the file whose lock is held by whoever works on a run.
LOCK: Final = "lock"

_LOCKS: Final = Path("/proc/locks")
#: A lock on a file as a whole: the file's device and inode.
_LOCK: Final = re.compile(r"FLOCK\s+ADVISORY\s+WRITE\s+-?\d+\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s", re.ASCII)


def run_file(ledger: Path, job: str, run_key: str, ending: str) -> Path:
    """Give the place of a file beside a ledger that is one run's alone."""
    digest = hashlib.sha256(f"{len(job)}:{job}{run_key}".encode()).hexdigest()[:16]
    # Whatever name the ledger goes by, a link included, it is one file.
    path = ledger.resolve()
    return path.with_name(f"{path.name}.{digest}.{ending}")


def is_locked(ledger: Path, job: str, run_key: str) -> bool:
    """Tell whether a process is seen to work on a run; not every system and file system shows it.

    To try the lock would be no question: a start at that moment would find it held, and give up.
    """
    try:
        locks = _LOCKS.read_text(encoding="ascii")
        file = run_file(ledger, job, run_key, LOCK).stat()
    except (OSError, UnicodeDecodeError):
        return False
    wanted = os.major(file.st_dev), os.minor(file.st_dev), file.st_ino
    return any((int(major, 16), int(minor, 16), int(inode)) == wanted for major, minor, inode in _LOCK.findall(locks))
