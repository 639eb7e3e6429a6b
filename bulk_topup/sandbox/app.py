"""The ASGI application: checks credentials and rate, reads a request, and sends the response."""

import hmac
import logging
from base64 import b64encode
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache

from starlette.types import Receive, Scope, Send

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.config import SandboxConfig
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.faults import Faults
from bulk_topup.sandbox.http.bodies import error_body
from bulk_topup.sandbox.http.callbacks import Callbacks
from bulk_topup.sandbox.http.messages import Request, Response, SyncWait
from bulk_topup.sandbox.http.query import Header
from bulk_topup.sandbox.http.rate_limit import RateWindow
from bulk_topup.sandbox.http.routes import Routes
from bulk_topup.sandbox.http.sync_wait import SyncWaiter
from bulk_topup.sandbox.openapi import public_response
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.system.clock import Clock

_log = logging.getLogger(__name__)

#: In bytes, more than any request of the reference needs.
MAX_BODY = 65_536
_API = "/v1/"
_WITH_BODY = {"POST", "PUT"}
_JSON: Header = (b"content-type", b"application/json; charset=utf-8")


class Sandbox:
    """Serves one account over HTTP.

    Args:
        config: the account and its behaviour.
        provider: the account's transactions and wallets.
        clock: the source of time.
        faults: the faults that `/sandbox/faults` shows and sets.
    """

    def __init__(self, config: SandboxConfig, provider: Provider, clock: Clock, faults: Faults) -> None:
        pair = f"{config.api_key}:{config.api_secret.get_secret_value()}"
        self._credentials = b64encode(pair.encode())
        self._clock = clock
        self._window = RateWindow(clock, config.rate_limit)
        self._routes = Routes(provider, faults, self._window)
        self._waiter = SyncWaiter(provider, clock, config.time_scale)
        self._callbacks = Callbacks(provider, clock, config.time_scale)

    def start(self) -> None:
        """Start to send callbacks; to be called in the event loop that serves."""
        self._callbacks.start()

    async def stop(self) -> None:
        """Answer the synchronous requests that wait, and stop sending callbacks."""
        self._waiter.stop()
        await self._callbacks.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if public := public_response(scope["method"], scope["path"]):
            await public(scope, receive, send)
            return
        headers: list[Header] = [(b"date", _date(int(self._clock.now().timestamp())))]
        try:
            self._authorize(scope, headers)
            body = await _read(receive) if scope["method"] in _WITH_BODY else b""
            response = self._serve(scope, body)
            if isinstance(response, SyncWait):
                await self._waiter.wait(response.transaction, receive)
                response = self._routes.transaction_response(response.transaction, response.status)
        except ErrorResponse as error:
            response = Response(body=error_body(error), status=error.http_status)
        await _send(send, response, headers)

    def _authorize(self, scope: Scope, headers: list[Header]) -> None:
        """Check credentials and rate limit, and add the headers of the rate limit.

        Raises:
            ErrorResponse: the credentials are wrong (1000401), or the rate limit is reached (1000429).
        """
        if not self._has_credentials(scope["headers"]):
            headers.append((b"www-authenticate", b'Basic realm="sandbox"'))
            raise ErrorResponse(ErrorCode.UNAUTHORIZED)
        if not self._window.limit or not scope["path"].startswith(_API):
            return
        remaining = self._window.take()
        headers.append((b"x-ratelimit-limit", str(self._window.limit).encode()))
        headers.append((b"x-ratelimit-remaining", str(remaining or 0).encode()))
        if remaining is None:
            headers.append((b"retry-after", b"1"))
            raise ErrorResponse(ErrorCode.TOO_MANY_REQUESTS)

    def _has_credentials(self, headers: Sequence[Header]) -> bool:
        for name, value in headers:
            if name == b"authorization":
                scheme, _, credentials = value.partition(b" ")
                return scheme.lower() == b"basic" and hmac.compare_digest(credentials.strip(), self._credentials)
        return False

    def _serve(self, scope: Scope, body: bytes) -> Response | SyncWait:
        try:
            handler, name = self._routes.find(scope["path"], scope["method"])
            return handler(Request(name=name, query_string=scope["query_string"], body=body, headers=scope["headers"]))
        except ErrorResponse:
            raise
        except OSError as error:
            _log.error("Can't write the books: %s", error)
            raise ErrorResponse(ErrorCode.SERVICE_UNAVAILABLE) from error
        except Exception as error:
            _log.exception("A request failed")
            raise ErrorResponse(ErrorCode.UNEXPECTED_ERROR) from error


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """Return a second of the sandbox's clock as the header `Date`."""
    return formatdate(second, usegmt=True).encode()


async def _read(receive: Receive) -> bytes:
    """Read the body of a request.

    Raises:
        ErrorResponse: it exceeds MAX_BODY (1000400).
    """
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MAX_BODY:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, f"the body is longer than {MAX_BODY} bytes")
        if not message.get("more_body", False):
            return body


async def _send(send: Send, response: Response, headers: Sequence[Header]) -> None:
    length = (b"content-length", str(len(response.body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [_JSON, length, *headers, *response.headers],
        }
    )
    await send({"type": "http.response.body", "body": response.body})
