"""Reads a list from standard input; reads it to its end."""

import io
import os
import select
import sys
from typing import Final

from bulk_topup.app.remote_list.chunks import CHUNK_BYTES, BoundedFile
from bulk_topup.errors import ListError

#: Seconds without a byte after which standard input is taken to hang.
IDLE_SECONDS: Final = 300.0


def read_standard_input(file: BoundedFile) -> None:
    """Write standard input to a file.

    Raises:
        ListError: it is a terminal, closed, or has nothing for `IDLE_SECONDS`.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise ListError("Standard input is closed. Nothing was sent. Pipe a list into it.")
    if sys.stdin.isatty():
        raise ListError("Standard input is a terminal. Nothing was sent. Pipe a list into it, or name a file.")
    try:
        descriptor = sys.stdin.fileno()
    except (io.UnsupportedOperation, ValueError):  # a script has put a stream of its own there
        while chunk := sys.stdin.buffer.read(CHUNK_BYTES):
            file.write(chunk)
        return
    while True:
        # The descriptor itself: a buffer that a thread reads keeps the process from ending.
        if not select.select([descriptor], [], [], IDLE_SECONDS)[0]:
            raise ListError(f"Standard input has had nothing for {IDLE_SECONDS:.0f} s, and no end. Nothing was sent.")
        if not (chunk := os.read(descriptor, CHUNK_BYTES)):
            return
        file.write(chunk)
