"""Opens a log and writes its lines in a thread, so that a disk that hangs or a reader that stands still stops nobody.

No lock is held while it writes: the process can end meanwhile.

Real time because it bounds a wait for a disk or the reader of a pipe.
"""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import Final, Protocol, TextIO

from bulk_topup.errors import JobError
from bulk_topup.system.files import OWNER_ONLY

#: Stands for standard output instead of a file.
STANDARD_OUTPUT: Final = "-"
#: Most lines that wait to be written; others are lost.
MAX_WAITING: Final = 10_000
#: Seconds that the start of a command waits for the log to be opened; afterwards it goes on, and lines may be lost.
OPENING_PATIENCE: Final = 2.0
#: Seconds that the end of a command waits for lines to be written.
PATIENCE: Final = 5.0
#: Why lines are lost that wait longer.
STANDS_STILL: Final = "its disk hangs, or its reader stands still"

_FLAGS: Final = os.O_APPEND | os.O_CREAT | os.O_WRONLY


class Target(Protocol):
    """Where lines are written; blocks, or raises OSError."""

    def write(self, line: str) -> None:
        """Write a line, to the end."""
        ...

    def close(self) -> None:
        """Release what belongs to it."""
        ...


class LogFile:
    """Appends to a file that only its owner can read, and to a new file when it is rotated; or writes to a named pipe.

    Args:
        path: the file, an absolute path.

    Raises:
        OSError: it can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, _FLAGS, OWNER_ONLY)

    def write(self, line: str) -> None:
        """Write a line."""
        if not self._is_current():
            descriptor = os.open(self._path, _FLAGS, OWNER_ONLY)
            os.close(self._descriptor)
            self._descriptor = descriptor
        rest = f"{line}\n".encode()
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))  # noqa: PTH116 - as fstat
        except FileNotFoundError:
            return False


class LogStream:
    """Writes to a stream that belongs to the caller."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """Write a line."""
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the stream open."""


class LogWriter:
    """Opens a log and writes its lines in a thread that ends with the process.

    Args:
        open_target: opens what lines are written to; blocks, or raises OSError or JobError.
    """

    def __init__(self, open_target: Callable[[], Target]) -> None:
        self._open_target = open_target
        self._is_opened = Event()
        self._why_closed: OSError | ValueError | JobError | None = None
        self._waiting: Queue[str | None] = Queue(MAX_WAITING)
        self._why_lost: str | None = None
        self._thread = Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def check_open(self) -> None:
        """Wait `OPENING_PATIENCE` at most until the log is open.

        Raises:
            OSError, ValueError, JobError: it can't be opened.
        """
        self._is_opened.wait(OPENING_PATIENCE)
        if self._why_closed is not None:
            raise self._why_closed

    def write(self, line: str) -> None:
        """Pass on a line; it is lost if too many wait already."""
        try:
            self._waiting.put_nowait(line)
        except Full:
            self._why_lost = f"more than {MAX_WAITING:,} lines waited to be written"

    def close(self) -> str | None:
        """Wait until all lines are written, `PATIENCE` at most; return why lines were lost, or None."""
        deadline = time.monotonic() + PATIENCE
        try:
            self._waiting.put(None, timeout=PATIENCE)
        except Full:
            return STANDS_STILL
        self._thread.join(max(deadline - time.monotonic(), 0))
        return STANDS_STILL if self._thread.is_alive() else self._why_lost

    def _write_all(self) -> None:
        try:
            target = self._open_target()
        except (OSError, ValueError, JobError) as error:  # ValueError: no path
            self._why_closed, self._why_lost = error, _reason(error)
            return
        finally:
            self._is_opened.set()
        while (line := self._waiting.get()) is not None:
            try:
                target.write(line)
            except (OSError, ValueError) as error:  # ValueError: the stream is closed
                self._why_lost = _reason(error)
        try:
            target.close()
        except OSError as error:
            self._why_lost = error.strerror


def open_log(target: Path | TextIO) -> LogWriter:
    """Open a log: a file that is appended to and can be rotated, a named pipe, or a stream.

    A file on a disk that hangs, or a pipe that nobody reads, is opened later, or its lines are lost.

    Raises:
        JobError: the file cannot be written.
    """
    if not isinstance(target, Path):
        return LogWriter(lambda: LogStream(target))
    path = target.absolute()  # the working folder may change
    writer = LogWriter(lambda: _open_file(path))
    try:
        writer.check_open()
    except (OSError, ValueError) as error:
        raise JobError(f"Can't write the log {target}: {_reason(error)}. Choose another file.") from None
    return writer


def _open_file(path: Path) -> LogFile:
    """Open a file or a named pipe.

    Raises:
        JobError: it is a folder or a device.
        OSError: it can't be written.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise JobError(f"The log {path} is not a file. Choose another.")
    return LogFile(path)


def _reason(error: Exception) -> str | None:
    return error.strerror if isinstance(error, OSError) else str(error)
