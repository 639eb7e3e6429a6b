"""Sends messages through Apprise; discards what Apprise and its libraries log, because it may contain addresses."""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from bulk_topup.monitoring.channels import Channel
from bulk_topup.monitoring.messages import Message
from bulk_topup.security.redaction import LEFT_OUT

if TYPE_CHECKING:
    from apprise import AppriseAttachment

#: Maximum bytes of an attached file: mail servers refuse messages with larger ones.
MAX_ATTACHED_BYTES: Final = 10_000_000

#: Loggers whose records may contain an address or a part of it.
_LOGGERS: Final = ("apprise", "requests", "urllib3")
_UNKNOWN: Final = "Apprise does not know this kind of address"
#: Minimum characters of an address part that is redacted: shorter parts are no secrets, and occur in any text.
_MIN_PART_LENGTH: Final = 4
#: Maximum log messages that a reason quotes.
_QUOTED_MESSAGES: Final = 3


def send(channel: Channel, message: Message) -> str | None:
    """Send a message with the attachments of its channel; return the error, or None if the channel accepted it.

    Attachments are left out if the channel takes no files or they are too large; the message then says so.
    """
    import apprise  # slow to import, and most runs send nothing

    from bulk_topup.monitoring.bounded_answers import bounded_answers

    with _captured_logs() as logged, bounded_answers():
        # No threads of its own: they would keep the process alive until the last of them ends.
        asset = apprise.AppriseAsset(
            app_id="bulk-topup",
            app_desc="bulk-topup",
            app_url="",
            async_mode=False,
            service_timeout=0,
            http_redirects=False,
        )
        service = apprise.Apprise.instantiate(channel.address, asset=asset)
        if service is None:
            return _error_text(channel, [_UNKNOWN, *logged])
        files = [file for each in channel.attach if (file := message.files.get(each))]
        attached = [file for file in files if file.stat().st_size <= MAX_ATTACHED_BYTES]
        body = message.body
        if attached and not service.attachment_support:
            attached = []
        if len(attached) < len(files):
            body += "\nSome files are not attached. They are in the report folder."
        sender = apprise.Apprise(asset=asset)
        sender.add(service)
        is_sent = sender.notify(
            body=body,
            title=message.title,
            notify_type=apprise.NotifyType(message.type.value),
            body_format=apprise.NotifyFormat.TEXT,
            attach=_attachment(attached),
        )
        return None if is_sent else _error_text(channel, logged)


def address_error(channel: Channel) -> str | None:
    """Return why Apprise cannot use an address, or None if it can; sends nothing."""
    import apprise

    with _captured_logs() as logged:
        if apprise.Apprise.instantiate(channel.address) is None:
            return _error_text(channel, [_UNKNOWN, *logged])
    return None


def _attachment(files: Sequence[Path]) -> "AppriseAttachment | None":
    from apprise import AppriseAttachment

    # Quoted as URLs, because a path can contain any character.
    return AppriseAttachment([file.absolute().as_uri() for file in files]) if files else None


def _error_text(channel: Channel, logged: Sequence[str]) -> str:
    """Join log messages into one text, without any part of the address."""
    text = "; ".join(each.strip().rstrip(".") for each in logged[:_QUOTED_MESSAGES]) or "no reason given"
    parts = {channel.address, *re.split(r"[/:@?&=#,;+]+", channel.address.partition("://")[2])}
    scheme = urlsplit(channel.address).scheme
    for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
        if len(part) >= _MIN_PART_LENGTH and part != scheme:
            text = text.replace(part, LEFT_OUT)
    return text


class _ThreadHandler(logging.Handler):
    """Collects the messages that one thread logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Record the message if this thread logged it."""
        if record.thread == self._thread:
            self.messages.append(record.getMessage())


@contextmanager
def _captured_logs() -> Iterator[list[str]]:
    """Yield the messages that are logged in the block, and keep them from all other handlers."""
    for name in _LOGGERS:
        logging.getLogger(name).propagate = False
    handler = _ThreadHandler()
    logger = logging.getLogger(_LOGGERS[0])
    logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)
