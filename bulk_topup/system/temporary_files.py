"""Private temporary files and folders beside a file, with names that no other process has; clears those of killed ones.

A temporary file is locked while it is used, so that another process, thread or container, whose numbers tell nothing,
knows that it is.
"""

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

#: Ends the name of every temporary file; what belongs to one adds to its name.
_ENDING: Final = ".part"
_TOKEN_BYTES: Final = 8
#: A temporary file, and what belongs to it: `.results.xlsx.bulk-topup-0123456789abcdef.part.rows`.
_NAME: Final = re.compile(r"(\..+\.bulk-topup-[0-9a-f]{16}\.part)(?:\..*)?", re.DOTALL)
#: Most bytes of the file's name in that of a temporary file; file systems allow 255.
_NAME_BYTES: Final = 100
_PRIVATE: Final = 0o600


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yield an empty private file beside `path`, and remove it afterwards unless it was moved.

    Those of killed processes in the same folder are removed too: they hold personal data.

    Raises:
        OSError: the folder can't be written.
    """
    clear_abandoned(path)
    descriptor, temporary = _create_locked(path)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(descriptor)  # and so release the lock


@contextmanager
def temporary_folder(file: Path) -> Iterator[Path]:
    """Yield a private folder that belongs to a temporary file, and remove it afterwards.

    Raises:
        OSError: the folder can't be written.
    """
    folder = file.with_name(f"{file.name}.folder")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporaries_beside(file: Path) -> Iterator[None]:
    """Have the temporary files of libraries that name no folder made in one that belongs to a temporary file.

    In the machine's own folder for them, those of a killed process would stay.
    """
    before = tempfile.tempdir
    with temporary_folder(file) as folder:
        tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before


def clear_abandoned(path: Path) -> None:
    """Remove the temporary files and folders beside a file that no process uses, also of other files."""
    # Those of earlier versions have the number of a process, and look as other programs' files may.
    numbered = re.compile(rf"\.{re.escape(path.name)}\.([0-9]+)\.part(?:\..*)?", re.DOTALL)
    for other in list(path.parent.iterdir()):
        if match := _NAME.fullmatch(other.name):
            with _abandoned(path.with_name(match[1])) as is_abandoned:
                if is_abandoned:
                    _remove(other)
        elif (match := numbered.fullmatch(other.name)) and not _is_alive(int(match[1])):
            _remove(other)


def _create_locked(path: Path) -> tuple[int, Path]:
    while True:
        name = os.fsdecode(os.fsencode(path.name)[:_NAME_BYTES])
        temporary = path.with_name(f".{name}.bulk-topup-{secrets.token_hex(_TOKEN_BYTES)}{_ENDING}")
        # A planted link to another file is not followed.
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY, _PRIVATE)
        try:
            with suppress(OSError):  # not every file system has locks; others can't lock it either
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return descriptor, temporary
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another process took it for an abandoned one before it was locked


@contextmanager
def _abandoned(file: Path) -> Iterator[bool]:
    """Yield whether no process uses a temporary file; none can begin to during the block."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        yield True
        return
    except OSError:  # it belongs to another user
        yield False
        return
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    with suppress(OSError):  # another process removes it at the same time, or it belongs to another user
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
