"""Sends messages through Apprise; what Apprise and its libraries log goes nowhere, as it may hold addresses."""

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

#: A file of more bytes is not sent along: mail servers refuse it, and the message with it.
MAX_ATTACHED_BYTES: Final = 10_000_000

#: Loggers that may be told an address, or a part of it.
_LOGGERS: Final = ("apprise", "requests", "urllib3")
#: Parts of an address that are shorter tell nothing, and would be found in every text.
_SHORTEST_PART: Final = 4
_REASONS_TOLD: Final = 3


def send(channel: Channel, message: Message) -> str | None:
    """Send a message, and give why it could not be; None when it was taken.

    What the channel asks for goes with it, where it takes files and they are not too large.
    """
    import apprise  # heavy, and most starts tell nobody

    with _kept_quiet() as said:
        # Without threads of its own: those would keep the process until the last of them ends.
        asset = apprise.AppriseAsset(
            app_id="bulk-topup", app_desc="bulk-topup", app_url="", async_mode=False, service_timeout=0
        )
        service = apprise.Apprise.instantiate(channel.address, asset=asset)
        if service is None:
            return _why_not(channel, ["Apprise does not know such an address", *said])
        files = [file for each in channel.attach if (file := message.files.get(each))]
        fitting = [file for file in files if file.stat().st_size <= MAX_ATTACHED_BYTES]
        body = message.body
        if fitting and not service.attachment_support:
            fitting = []
        if len(fitting) < len(files):
            body += "\nFiles could not go along; they lie with the report."
        sender = apprise.Apprise(asset=asset)
        sender.add(service)
        is_sent = sender.notify(
            body=body,
            title=message.title,
            notify_type=apprise.NotifyType(message.type.value),
            body_format=apprise.NotifyFormat.TEXT,
            attach=_attached(fitting),
        )
        return None if is_sent else _why_not(channel, said)


def address_error(channel: Channel) -> str | None:
    """Give why Apprise could send nothing to an address whatever it says; None where it can be tried."""
    import apprise

    with _kept_quiet() as said:
        if apprise.Apprise.instantiate(channel.address) is None:
            return _why_not(channel, ["Apprise does not know such an address", *said])
    return None


def _attached(files: Sequence[Path]) -> "AppriseAttachment | None":
    from apprise import AppriseAttachment

    # As URLs, quoted: a path may hold anything.
    return AppriseAttachment([file.absolute().as_uri() for file in files]) if files else None


def _why_not(channel: Channel, said: Sequence[str]) -> str:
    """Put what was said into one sentence, without any part of the address."""
    text = "; ".join(each.strip().rstrip(".") for each in said[:_REASONS_TOLD]) or "no reason is given"
    parts = {channel.address, *re.split(r"[/:@?&=#,;+]+", channel.address.partition("://")[2])}
    scheme = urlsplit(channel.address).scheme
    for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
        if len(part) >= _SHORTEST_PART and part != scheme:
            text = text.replace(part, LEFT_OUT)
    return text


class _Kept(logging.Handler):
    """Keeps what is logged in one thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message, if it is ours."""
        if record.thread == self._thread:
            self.said.append(record.getMessage())


@contextmanager
def _kept_quiet() -> Iterator[list[str]]:
    """Keep what is logged meanwhile from every other handler, and give it."""
    for name in _LOGGERS:
        logging.getLogger(name).propagate = False
    kept = _Kept()
    logger = logging.getLogger(_LOGGERS[0])
    logger.addHandler(kept)
    try:
        yield kept.said
    finally:
        logger.removeHandler(kept)
