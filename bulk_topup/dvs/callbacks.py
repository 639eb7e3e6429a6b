"""Receives what DVS posts when a transaction's status changes: an ASGI application (reference: Final Status, callback).

A body is a hint and never a fact: anybody who knows the address could send it. So nothing of it is believed but the
external id that it speaks of, and the answer is 2XX only after that hint is kept.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from bulk_topup.dvs import codec
from bulk_topup.dvs.field_limits import EXTERNAL_ID_MAX_LENGTH
from bulk_topup.errors import BulkTopupError

#: Bytes of a body that are read; a transaction has a few thousand.
MAX_BODY: Final = 262_144
#: Seconds that a body may take to come.
BODY_TIMEOUT: Final = 10.0

_log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]


class CallbackReceiver:
    """Takes callbacks at `/<path token>`.

    Args:
        path_token: the only path that is served; a long random text keeps strangers out.
        keep: keeps a hint durably and tells whether the external id is known; raises BulkTopupError when it cannot.
        body_timeout: seconds that a body may take to come.
    """

    def __init__(self, path_token: str, keep: Callable[[str], bool], *, body_timeout: float = BODY_TIMEOUT) -> None:
        self._path = f"/{path_token}".encode()
        self._keep = keep
        self._body_timeout = body_timeout

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Serve one request (ASGI)."""
        status = await self._status(scope, receive)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _status(self, scope: Message, receive: Callable[[], Awaitable[Message]]) -> int:
        if not hmac.compare_digest(str(scope["path"]).encode(), self._path):
            return 404
        if scope["method"] != "POST":
            return 405
        try:
            async with asyncio.timeout(self._body_timeout):
                body = await _body(receive)
        except TimeoutError:
            return 408
        if len(body) > MAX_BODY:
            return 413
        external_id = _external_id(body)
        if external_id is None:
            return 400
        try:
            return 204 if self._keep(external_id) else 404
        except BulkTopupError as error:
            _log.error("A callback could not be kept: %s", error)
            return 503


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    """Read a body, or more of it than one may have."""
    body = b""
    more = True
    while more and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _external_id(body: bytes) -> str | None:
    try:
        value = codec.decode(body)
    except codec.InvalidJSON:
        return None
    external_id = value.get("external_id") if isinstance(value, dict) else None
    is_one = isinstance(external_id, str) and len(external_id) <= EXTERNAL_ID_MAX_LENGTH
    return external_id if is_one else None
