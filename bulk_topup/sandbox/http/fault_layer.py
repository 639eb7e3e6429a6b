"""Carries faults out: an ASGI layer around the sandbox that waits, answers in its place, or ends the connection."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.faults import (
    Drop,
    Faults,
    Half,
    Reset,
    Restart,
    SlowBody,
    Stall,
    StatusAfter,
    StatusBefore,
    Throttle,
)
from bulk_topup.sandbox.http.bodies import error_body
from bulk_topup.sandbox.http.query import Header
from bulk_topup.system.clock import Clock

#: Under which name a request's `extensions` hold its connection's transport.
CONNECTION = "sandbox.connection"
_API = "/v1/"
#: Seconds between two looks at whether what was written has left.
_FLUSH = 0.001
#: Closing a socket that lingers for no time sends RST, which the other side sees as a reset.
_NO_LINGER = struct.pack("ii", 1, 0)
_JSON: Header = (b"content-type", b"application/json; charset=utf-8")
#: What DVS itself says; the other errors come from a gateway before it, which writes HTML.
_OWN_ERRORS = {500: ErrorCode.UNEXPECTED_ERROR, 503: ErrorCode.SERVICE_UNAVAILABLE}


class FaultLayer:
    """Lets requests through to the sandbox, except for what their faults make of them.

    Args:
        app: the sandbox.
        faults: what happens to whom.
        clock: what waits are taken from.
        restart: drops all connections and stays away for that many seconds before it starts again.
    """

    def __init__(self, app: ASGIApp, faults: Faults, clock: Clock, restart: Callable[[float], None]) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock
        self._restart = restart
        self._waits: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        fate = None
        if self._faults.counted and scope["path"].startswith(_API):
            fate = self._faults.meet(scope["method"], scope["path"])
        if fate is not None:
            await self._wait(fate.latency)
        if fate is None or fate.ending is None:
            await self._app(scope, receive, send)
        elif isinstance(fate.ending, Reset):
            connection = _connection(scope)
            if not connection.is_closing():
                connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            await _hang_up(scope, send)
        elif isinstance(fate.ending, StatusBefore | Throttle):
            await _refusal(fate.ending).send(send)
        else:
            answer = _Answer()
            await self._app(scope, receive, answer.take)
            await self._wait(fate.stall)
            await self._deliver(answer, fate.ending, scope, send)

    def stop(self) -> None:
        """End all waits, now and from now on."""
        self._stopping = True
        for wait in self._waits:
            wait.cancel()

    async def _deliver(
        self,
        answer: "_Answer",
        ending: Drop | Half | Restart | SlowBody | Stall | StatusAfter,
        scope: Scope,
        send: Send,
    ) -> None:
        """Bring the answer of a request that was carried out to its end."""
        match ending:
            case Drop():
                await _hang_up(scope, send)
            case Half():
                connection, middle = _connection(scope), len(answer.body) // 2
                await answer.send(send, answer.body[:middle], whole=False)
                # A transport tells nobody when all that was written has left.
                while connection.get_write_buffer_size() and not connection.is_closing():  # noqa: ASYNC110
                    await asyncio.sleep(_FLUSH)
                connection.abort()
                await send(_part(answer.body[middle:]))
            case Restart():
                self._restart(ending.seconds)
                await _hang_up(scope, send)
            case SlowBody():
                size = max(1, -(-len(answer.body) // ending.parts))
                await answer.send(send, answer.body[:size], whole=False)
                for place in range(size, len(answer.body), size):
                    await self._wait(ending.seconds)
                    await send(_part(answer.body[place : place + size], whole=False))
                await send(_part(b""))
            case Stall():
                await answer.send(send)
            case StatusAfter():
                await _error(ending.status).send(send)

    async def _wait(self, seconds: float) -> None:
        if not seconds or self._stopping:
            return
        wait = asyncio.ensure_future(self._clock.sleep(seconds))
        self._waits.add(wait)
        try:
            await asyncio.wait((wait,))
        finally:
            wait.cancel()
            self._waits.discard(wait)


class _Answer:
    """An answer that is held back, as a stand-in for `send`, or made here."""

    def __init__(self, status: HTTPStatus | None = None, headers: Sequence[Header] = (), body: bytes = b"") -> None:
        length = (b"content-length", str(len(body)).encode())
        self.body = body
        self._start: Message | None = None
        if status is not None:
            self._start = {"type": "http.response.start", "status": int(status), "headers": [length, *headers]}

    async def take(self, message: Message) -> None:
        """Keep what an application sends."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self.body += message.get("body", b"")

    async def send(self, send: Send, body: bytes | None = None, *, whole: bool = True) -> None:
        """Send it, or its beginning with a part of its body; without a start its client has gone."""
        if self._start is not None:
            await send(self._start)
            await send(_part(self.body if body is None else body, whole=whole))


def _part(body: bytes, *, whole: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": not whole}


def _refusal(ending: StatusBefore | Throttle) -> _Answer:
    """Give the answer of a request that is not carried out."""
    if isinstance(ending, StatusBefore):
        return _error(ending.status)
    headers = [] if ending.retry_after is None else [(b"retry-after", str(ending.retry_after).encode())]
    return _own_error(ErrorCode.TOO_MANY_REQUESTS, headers)


def _error(status: int) -> _Answer:
    """Give a server's error."""
    if status in _OWN_ERRORS:
        return _own_error(_OWN_ERRORS[status], ())
    reason = HTTPStatus(status)
    page = f"<html><head><title>{reason} {reason.phrase}</title></head></html>\n"
    return _Answer(reason, [(b"content-type", b"text/html")], page.encode())


def _own_error(code: ErrorCode, headers: Sequence[Header]) -> _Answer:
    refusal = ErrorResponse(code)
    return _Answer(HTTPStatus(refusal.http_status), [_JSON, *headers], error_body(refusal))


def _connection(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][CONNECTION]["transport"]
    return transport


async def _hang_up(scope: Scope, send: Send) -> None:
    """End a connection at once. What is sent afterwards goes nowhere, but lets the server finish the request."""
    _connection(scope).abort()
    await _Answer(HTTPStatus.SERVICE_UNAVAILABLE).send(send)
