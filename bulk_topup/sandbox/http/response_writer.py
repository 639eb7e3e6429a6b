"""Writes a response's head and body at once, with header names as DVS writes them; touches the connection.

Names of headers have no case, but DT One's own Java SDK compares them exactly, and it loses a body that arrives after
its head. ASGI servers write names in lower case and the head by itself.
"""

import asyncio
import re
from typing import Final

#: DVS writes every word of a name with a capital letter, e.g. `X-Ratelimit-Limit`.
_NAME: Final = re.compile(rb"(?m)^[a-z][a-z-]*(?=: )")
_EXCEPTIONS: Final = {b"www-authenticate": b"WWW-Authenticate"}
#: What a client may wait for before it sends its body; no part of the response.
_CONTINUE: Final = b"HTTP/1.1 100 "


class ResponseWriter:
    """The methods of a transport with which the server writes one response: first its head, then its body in parts.

    Args:
        transport: the connection.
        has_body: whether the head is followed by a body, if only an empty one; that of a HEAD request is not.
    """

    def __init__(self, transport: asyncio.Transport, *, has_body: bool) -> None:
        self._transport = transport
        self._has_body = has_body
        self._is_started = False
        #: The head, until the first part of the body comes.
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write the next part; the head waits for the first part of the body."""
        if self._is_started or data.startswith(_CONTINUE):
            self._transport.write(self._head + data)
            self._head = b""
            return
        self._is_started = True
        head = _NAME.sub(_as_dvs_writes_it, data)
        if self._has_body:
            self._head = head
        else:
            self._transport.write(head)

    def is_closing(self) -> bool:
        """Return True if the connection is closed or about to be."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection; a head without a body is still written."""
        if self._head:
            self._transport.write(self._head)
        self._transport.close()


def _as_dvs_writes_it(name: re.Match[bytes]) -> bytes:
    return _EXCEPTIONS.get(name.group(), name.group().title())
