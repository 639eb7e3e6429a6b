"""Bounds what Apprise reads of the answers of web and mail servers, in size and time, and follows no redirect.

Apprise has no setting for it, and the libraries below it read an answer whole, however long it is.

Real time because it bounds waits for sockets.
"""

import smtplib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import requests
import requests.sessions
from requests.adapters import HTTPAdapter

#: Most bytes of an answer; the rest is not read.
MAX_ANSWER_BYTES: Final = 65_536
#: Seconds until an answer must have ended.
ANSWER_TIMEOUT: Final = 15.0

#: The threads whose answers are bounded: a script that uses this package may have other requests of its own.
_bounded: Final[set[int]] = set()


class _BoundedAdapter(HTTPAdapter):
    """Reads the answers of bounded threads here, before the library does."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request, and return its answer."""
        started = time.monotonic()
        response = super().send(*args, **kwargs)
        if threading.get_ident() in _bounded:
            _read(response, until=started + ANSWER_TIMEOUT)
            # Also where the address of a channel asks to follow: the message is for the server that it names alone.
            if response.is_redirect:
                raise requests.TooManyRedirects("The server redirects, which is not followed.")
        return response


def _read(response: Any, *, until: float) -> None:  # noqa: ANN401 - its private fields are set
    content = b""
    try:
        while len(content) < MAX_ANSWER_BYTES and (piece := response.raw.read1(MAX_ANSWER_BYTES, decode_content=True)):
            content += piece
            if time.monotonic() > until:
                raise requests.ReadTimeout("The answer does not end.")
    finally:
        response.raw.close()
    response._content = content[:MAX_ANSWER_BYTES]  # noqa: SLF001 - it has no other way to set it
    response._content_consumed = True  # noqa: SLF001


class _BoundedReplies:
    """The replies of a mail server: of a connection, as many bytes as of an answer of a web server.

    Args:
        file: where they are read.
    """

    def __init__(self, file: Any) -> None:  # noqa: ANN401 - as the library has it
        self._file = file
        self._left = MAX_ANSWER_BYTES
        self.close = file.close
        #: Until when the present reply must have ended.
        self.until = 0.0

    def readline(self, size: int) -> bytes:
        """Read a line; the library takes an OSError for a lost connection."""
        line = bytearray()
        # Byte by byte, each of which may be late.
        while len(line) < size and not line.endswith(b"\n"):
            byte: bytes = self._file.read(1)
            self._left -= len(byte)
            if self._left < 0 or time.monotonic() > self.until:
                raise OSError("The answer does not end.")
            if not byte:
                break
            line += byte
        return bytes(line)


_read_reply: Final = smtplib.SMTP.getreply


def _read_bounded_reply(connection: smtplib.SMTP) -> tuple[int, bytes]:
    """Read a reply as the library does; for bounded threads, from what bounds it."""
    if threading.get_ident() in _bounded:
        if connection.file is None:
            connection.file = _BoundedReplies(connection.sock.makefile("rb"))  # type: ignore[union-attr]
        connection.file.until = time.monotonic() + ANSWER_TIMEOUT
    return _read_reply(connection)


@contextmanager
def bounded_answers() -> Iterator[None]:
    """Bound the answers to requests of this thread during the block."""
    # Each request creates its adapter by this name; for other threads both stay what they were.
    requests.sessions.HTTPAdapter = _BoundedAdapter  # type: ignore[attr-defined]
    smtplib.SMTP.getreply = _read_bounded_reply  # type: ignore[assignment, method-assign]
    _bounded.add(threading.get_ident())
    try:
        yield
    finally:
        _bounded.discard(threading.get_ident())
