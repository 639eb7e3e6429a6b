"""Writes what is fetched to a file, bounded in size, and reads blocking sources in a thread; writes that file."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bulk_topup.errors import ListError
from bulk_topup.system.files import OWNER_ONLY

#: Maximum bytes of a list that is fetched.
MAX_FETCHED_BYTES: Final = 2 * 1024**3
#: Bytes that are asked for at once.
CHUNK_BYTES: Final = 1024 * 1024


class BoundedFile:
    """A new private file for what is fetched, which raises ListError rather than grow beyond the limit."""

    def __init__(self, path: Path, shown: str) -> None:
        self._shown = shown
        #: Bytes that were written.
        self.size = 0
        self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY), "wb")

    def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            ListError: the list is too large.
        """
        self.size += len(chunk)
        if self.size > MAX_FETCHED_BYTES:
            raise ListError(
                f"{self._shown} has more than {MAX_FETCHED_BYTES:,} bytes. Nothing was sent. Check that it is the list."
            )
        self._file.write(chunk)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


async def in_thread(work: Callable[[], None]) -> None:
    """Run blocking work in a thread of its own, which does not keep the process alive when it is no longer awaited."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as raised:  # noqa: BLE001 - raised again where it is awaited
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, error)

    threading.Thread(target=run, daemon=True, name="fetch list").start()
    await done
