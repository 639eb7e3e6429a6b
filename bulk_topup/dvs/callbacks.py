"""Receive the callbacks of DVS about status changes, as an ASGI application (reference: Final Status, callback).

A body is a hint and never a fact: anyone who knows the address could send it. So only its external ID is used, and the
response is 2XX only after the hint is saved.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from bulk_topup.dvs import codec
from bulk_topup.dvs.field_limits import EXTERNAL_ID_MAX_LENGTH
from bulk_topup.errors import BulkTopupError

#: Most bytes of a body; a transaction has a few thousand.
MAX_BODY: Final = 262_144
#: Seconds to wait for a body.
BODY_TIMEOUT: Final = 10.0

_log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]


class CallbackReceiver:
    """An ASGI application that receives callbacks at `/<path token>`.

    Args:
        path_token: the only served path; a long random text keeps strangers out.
        keep: saves a hint on disk and returns whether the external ID is known; raises BulkTopupError if it can't.
        body_timeout: seconds to wait for a body.
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
            _log.error("A callback could not be saved: %s", error)
            return 503


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    """Return a body, or the first part of it that is longer than allowed."""
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
    is_valid = isinstance(external_id, str) and len(external_id) <= EXTERNAL_ID_MAX_LENGTH
    return external_id if is_valid else None
