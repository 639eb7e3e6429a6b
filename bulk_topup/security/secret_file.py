"""Reads small files that hold keys and other secrets: a file, or a pipe as a secret store gives; touches it alone.

Real time because it bounds a wait for the writer of a pipe.
"""

import errno
import os
import select
import stat
import time
from pathlib import Path
from typing import Final

#: Most bytes of such a file.
MAX_SECRET_BYTES: Final = 64 * 1024
#: Seconds until a pipe must have ended.
SECRET_TIMEOUT: Final = 5.0

_PIECE: Final = 16 * 1024
#: What the pipes of this process have given, by device and inode.
_pipes: Final[dict[tuple[int, int], bytes]] = {}


def read_secret_file(path: Path) -> tuple[bytes, os.stat_result]:
    """Return the content of a file or pipe, and its state.

    Raises:
        OSError: it can't be read, is a device or a folder, is too long, or does not end in time.
    """
    # A pipe without a writer would block.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        state = os.fstat(descriptor)
        if not (stat.S_ISREG(state.st_mode) or stat.S_ISFIFO(state.st_mode)):
            raise OSError(errno.EINVAL, "it is neither a file nor a pipe")
        if stat.S_ISREG(state.st_mode):
            return _read(descriptor), state
        # A pipe can be read once, and a command may need its keys again.
        place = state.st_dev, state.st_ino
        if place not in _pipes:
            _pipes[place] = _read(descriptor)
        return _pipes[place], state
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    content, deadline = b"", time.monotonic() + SECRET_TIMEOUT
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    while waiting.poll(max(deadline - time.monotonic(), 0) * 1000):
        try:
            piece = os.read(descriptor, _PIECE)
        except BlockingIOError:  # another process was faster
            continue
        if not piece:
            return content
        content += piece
        if len(content) > MAX_SECRET_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MAX_SECRET_BYTES // 1024} kB")
    raise TimeoutError(errno.ETIMEDOUT, f"it did not end within {SECRET_TIMEOUT:.0f} s")
