"""Checks this machine: versions, time zone, and the folders that runs write to; leaves no files."""

import fcntl
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from bulk_topup.__version__ import __version__
from bulk_topup.app.doctor.findings import CheckStatus, Finding
from bulk_topup.ledger import SQLITE_VERSION

_MIB: Final = 1024 * 1024
#: Free bytes below which a folder is a warning, and below which no run should start.
LITTLE_SPACE: Final = 1024 * _MIB
NO_SPACE: Final = 100 * _MIB

#: Network file systems: SQLite's write-ahead log needs memory that all its processes share.
_REMOTE: Final = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "fuse.sshfs", "fuse.glusterfs", "lustre")
_MOUNTS: Final = Path("/proc/self/mounts")


def examine_machine(now: datetime) -> Iterator[Finding]:
    """Report versions and the time zone.

    Args:
        now: the time, timezone-aware.
    """
    yield Finding(
        check="versions",
        status=CheckStatus.OK,
        message=f"bulk-topup {__version__}, Python {platform.python_version()}, SQLite {SQLITE_VERSION}, "
        f"{platform.system()} {platform.release()}.",
    )
    here = now.astimezone()
    yield Finding(
        check="time zone",
        status=CheckStatus.OK,
        message=f"Local time is {here:%H:%M} (UTC{here:%z}), and {{today}} is {here:%Y-%m-%d} unless a "
        "job or its latest run has another time zone. Reports are in UTC.",
    )


def examine_folder(name: str, folder: Path, option: str) -> Finding:
    """Check that a folder, or the one that it will be created in, is writable, has free space, and supports locks.

    Args:
        name: the name of the check.
        folder: the folder.
        option: the option that chooses another one.
    """
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    fix = f"Choose another folder with {option}, or fix this one."
    try:
        with TemporaryFile(dir=there) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(
            check=name,
            status=CheckStatus.BAD,
            message=f"{there} is not writable or does not support locks: {error.strerror or error}.",
            fix=fix,
        )
    writable = f"{folder} is writable" if there == folder.absolute() else f"{folder} can be created"
    message = f"{writable}, supports locks, and has {free // _MIB:,} MiB free."
    if free < LITTLE_SPACE:
        status = CheckStatus.BAD if free < NO_SPACE else CheckStatus.WARN
        return Finding(check=name, status=status, message=message, fix=f"Free some space. {fix}")
    if kind := _remote_kind(there):
        return Finding(
            check=name,
            status=CheckStatus.WARN,
            message=f"{message} It is on a network file system ({kind}).",
            fix=f"A ledger needs a local disk: locks and SQLite's log are not safe over a network. {fix}",
        )
    return Finding(check=name, status=CheckStatus.OK, message=message)


def _remote_kind(folder: Path) -> str | None:
    """Return the kind of a folder's network file system; None for a local one, or if it is unknown."""
    if sys.platform != "linux" or not _MOUNTS.exists():
        return None
    best, kind = -1, ""
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        _, mount, found, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        if Path(os.path.realpath(folder)).is_relative_to(mount) and len(mount) >= best:
            best, kind = len(mount), found
    return kind if kind.startswith(_REMOTE) else None
