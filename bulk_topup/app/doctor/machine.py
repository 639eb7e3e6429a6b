"""Checks this machine: versions, time zone, and the folders that runs write to; leaves nothing behind."""

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
#: Free bytes below which a folder is worth a word, and below which no run should begin.
LITTLE_SPACE: Final = 1024 * _MIB
NO_SPACE: Final = 100 * _MIB

#: File systems over a network: SQLite's write-ahead log needs memory that all its processes share.
_REMOTE: Final = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "fuse.sshfs", "fuse.glusterfs", "lustre")
_MOUNTS: Final = Path("/proc/self/mounts")


def examine_machine(now: datetime) -> Iterator[Finding]:
    """Tell versions and the time zone.

    Args:
        now: the time of day, timezone-aware.
    """
    yield Finding(
        check="versions",
        verdict=CheckStatus.OK,
        message=f"bulk-topup {__version__}, Python {platform.python_version()}, SQLite {SQLITE_VERSION}, "
        f"{platform.system()} {platform.release()}.",
    )
    here = now.astimezone()
    yield Finding(
        check="time zone",
        verdict=CheckStatus.OK,
        message=f"It is {here:%H:%M} here (UTC{here:%z}), and {{today}} is {here:%Y-%m-%d}; reports are in UTC.",
    )


def examine_folder(name: str, folder: Path, option: str) -> Finding:
    """Check that a folder, or the one that it will be made in, can be written to, has room, and keeps locks.

    Args:
        name: what the check is called.
        folder: the folder.
        option: what names another one.
    """
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    cure = f"Name another place with {option}, or mend this one."
    try:
        with TemporaryFile(dir=there) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(
            check=name,
            verdict=CheckStatus.BAD,
            message=f"{there} cannot be written to, or keeps no locks: {error.strerror or error}.",
            cure=cure,
        )
    room = f"{folder} can be written to" if there == folder.absolute() else f"{folder} can be made"
    message = f"{room}, keeps locks, and has {free // _MIB:,} MiB free."
    if free < LITTLE_SPACE:
        verdict = CheckStatus.BAD if free < NO_SPACE else CheckStatus.WARN
        return Finding(check=name, verdict=verdict, message=message, cure=f"Make room. {cure}")
    if kind := _remote_kind(there):
        return Finding(
            check=name,
            verdict=CheckStatus.WARN,
            message=f"{message} It lies on a file system over a network ({kind}).",
            cure=f"A ledger needs a disk of this machine: locks and SQLite's log are not safe over a network. {cure}",
        )
    return Finding(check=name, verdict=CheckStatus.OK, message=message)


def _remote_kind(folder: Path) -> str | None:
    """Give the kind of a network's file system that a folder lies on; None for a local one, or where nobody says."""
    if sys.platform != "linux" or not _MOUNTS.exists():
        return None
    best, kind = -1, ""
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        _, place, found, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        if Path(os.path.realpath(folder)).is_relative_to(place) and len(place) >= best:
            best, kind = len(place), found
    return kind if kind.startswith(_REMOTE) else None
