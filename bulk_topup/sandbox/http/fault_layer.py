"""Injects faults: an ASGI layer around the sandbox that delays, replaces or cuts off responses."""

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
    Echo,
    Faults,
    Foreign,
    Half,
    Lag,
    OddHeader,
    OddStatus,
    PageAfter,
    PageBefore,
    Prices,
    ProcessedFault,
    Reset,
    Restart,
    Shift,
    SlowBody,
    StatusAfter,
    StatusBefore,
    Throttle,
)
from bulk_topup.sandbox.http.bodies import error_body
from bulk_topup.sandbox.http.query import Header
from bulk_topup.sandbox.http.rewrites import rewrite
from bulk_topup.system.clock import Clock

#: Name of the connection's transport in the `extensions` of a request.
CONNECTION = "sandbox.connection"
_API = "/v1/"
#: Seconds between two checks whether the write buffer is empty.
_FLUSH = 0.001
#: A socket that lingers for 0 s sends RST when closed, which the client sees as a reset.
_NO_LINGER = struct.pack("ii", 1, 0)
_JSON: Header = (b"content-type", b"application/json; charset=utf-8")
#: What gateways write, with its type.
_PAGES = {
    "html": (b"text/html", b"<html><head><title>STATUS</title></head><body>The request was refused.</body></html>\n"),
    "text": (b"text/plain", b"STATUS upstream error"),
    "json": (b"application/json", b'{"status":STATUS,"message":"Forbidden by the gateway"}'),
    "empty": (b"text/html", b""),
}
#: What absurd headers have.
_VALUES = {
    "text": "many",
    "zero": "0",
    "negative": "-1",
    "huge": "99999999999999999999",
    "exponent": "1e9",
    "empty": "",
}
#: Errors of DVS itself; the others come from a gateway before it, which writes HTML.
_DVS_ERRORS = {500: ErrorCode.UNEXPECTED_ERROR, 503: ErrorCode.SERVICE_UNAVAILABLE}


class FaultLayer:
    """Passes requests on to the sandbox and injects faults into them.

    Args:
        app: the sandbox.
        faults: the faults to inject.
        clock: what waits are measured by.
        restart: drops all connections, and restarts after the given seconds.
        latency: seconds that each request to the API waits, whatever the faults are.
    """

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        clock: Clock,
        restart: Callable[[float], None],
        latency: float = 0,
    ) -> None:
        self._latency = latency
        self._app = app
        self._faults = faults
        self._clock = clock
        self._restart = restart
        self._waits: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        injection = None
        if scope["path"].startswith(_API):
            injection = self._faults.inject(scope["method"], scope["path"]) if self._faults.counts else None
            await self._wait(self._latency + (injection.latency if injection else 0))
        if injection is None or injection.fault is None:
            await self._app(scope, receive, send)
        elif isinstance(injection.fault, Reset):
            connection = _connection(scope)
            if not connection.is_closing():
                connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            await _close(scope, send)
        elif isinstance(injection.fault, StatusBefore | Throttle):
            await _unprocessed_response(injection.fault).send(send)
        elif isinstance(injection.fault, PageBefore):
            await _page(injection.fault).send(send)
        else:
            response = _Response()
            await self._app(scope, receive, response.record)
            await self._wait(injection.stall)
            await self._deliver(response, injection.fault, scope, send)

    def stop(self) -> None:
        """Cancel all waits, and allow no more."""
        self._stopping = True
        for wait in self._waits:
            wait.cancel()

    async def _deliver(
        self,
        response: "_Response",
        fault: ProcessedFault,
        scope: Scope,
        send: Send,
    ) -> None:
        """Deliver the response of a processed request in the way of its fault.

        Real time because no event of a transport tells when its write buffer is empty.
        """
        match fault:
            case Drop():
                await _close(scope, send)
            case Half():
                connection, middle = _connection(scope), len(response.body) // 2
                await response.send(send, response.body[:middle], whole=False)
                while connection.get_write_buffer_size() and not connection.is_closing():  # noqa: ASYNC110
                    await asyncio.sleep(_FLUSH)
                connection.abort()
                await send(_part(response.body[middle:]))
            case Restart():
                self._restart(fault.seconds)
                await _close(scope, send)
            case SlowBody():
                size = max(1, -(-len(response.body) // fault.parts))
                await response.send(send, response.body[:size], whole=False)
                for start in range(size, len(response.body), size):
                    await self._wait(fault.seconds)
                    await send(_part(response.body[start : start + size], whole=False))
                await send(_part(b""))
            case _:
                await self._changed(response, fault).send(send)

    def _changed(self, response: "_Response", fault: ProcessedFault) -> "_Response":
        """Return what is sent whole instead of the response of a processed request."""
        match fault:
            case StatusAfter():
                return _server_error(fault.status)
            case PageAfter():
                return _page(fault)
            case OddStatus():
                return response.with_status(fault.status)
            case OddHeader():
                return response.with_header(fault.name, _VALUES[fault.value])
            case Echo() | Foreign() | Lag() | Prices() | Shift():
                return response.with_body(rewrite(response.body, fault, self._clock.now()))
        return response

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


class _Response:
    """A response that is recorded instead of sent, or created here."""

    def __init__(self, status: int | None = None, headers: Sequence[Header] = (), body: bytes = b"") -> None:
        length = (b"content-length", str(len(body)).encode())
        self.body = body
        self._start: Message | None = None
        if status is not None:
            self._start = {"type": "http.response.start", "status": int(status), "headers": [length, *headers]}

    async def record(self, message: Message) -> None:
        """Record what the application sends."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self.body += message.get("body", b"")

    def with_status(self, status: int) -> "_Response":
        """Return it with another status if it is an error."""
        if self._start is not None and self._start["status"] >= HTTPStatus.BAD_REQUEST:
            self._start = {**self._start, "status": status}
        return self

    def with_body(self, body: bytes) -> "_Response":
        """Return it with another body."""
        self.body = body
        return self.with_header("Content-Length", str(len(body)))

    def with_header(self, name: str, value: str) -> "_Response":
        """Return it with another value of a header."""
        if self._start is not None:
            key = name.lower().encode()
            others = [each for each in self._start["headers"] if each[0].lower() != key]
            self._start = {**self._start, "headers": [*others, (key, value.encode())]}
        return self

    async def send(self, send: Send, body: bytes | None = None, *, whole: bool = True) -> None:
        """Send it, or its start with a part of its body; nothing was recorded if the client has gone."""
        if self._start is not None:
            await send(self._start)
            await send(_part(self.body if body is None else body, whole=whole))


def _part(body: bytes, *, whole: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": not whole}


def _unprocessed_response(fault: StatusBefore | Throttle) -> _Response:
    """Return the response to a request that is not processed."""
    if isinstance(fault, StatusBefore):
        return _server_error(fault.status)
    headers = [] if fault.retry_after is None else [(b"retry-after", str(fault.retry_after).encode())]
    return _dvs_error(ErrorCode.TOO_MANY_REQUESTS, headers)


def _page(fault: PageBefore | PageAfter) -> _Response:
    """Return the page of a gateway."""
    kind, body = _PAGES[fault.body]
    return _Response(fault.status, [(b"content-type", kind)], body.replace(b"STATUS", str(fault.status).encode()))


def _server_error(status: int) -> _Response:
    """Return the response with a server error."""
    if status in _DVS_ERRORS:
        return _dvs_error(_DVS_ERRORS[status], ())
    reason = HTTPStatus(status)
    page = f"<html><head><title>{reason} {reason.phrase}</title></head></html>\n"
    return _Response(reason, [(b"content-type", b"text/html")], page.encode())


def _dvs_error(code: ErrorCode, headers: Sequence[Header]) -> _Response:
    error = ErrorResponse(code)
    return _Response(HTTPStatus(error.http_status), [_JSON, *headers], error_body(error))


def _connection(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][CONNECTION]["transport"]
    return transport


async def _close(scope: Scope, send: Send) -> None:
    """Close a connection at once. The response that follows is lost, but lets the server finish the request."""
    _connection(scope).abort()
    await _Response(HTTPStatus.SERVICE_UNAVAILABLE).send(send)
