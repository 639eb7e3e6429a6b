"""Channels of a job: addresses with their secrets filled in; reads the environment and files with secrets."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from bulk_topup.errors import JobError
from bulk_topup.monitoring.notifications import REFERENCE, Attachment, Notification, NotificationEvent
from bulk_topup.security.env_file import DEFAULT_FILE, read_env_file
from bulk_topup.security.redaction import register_secret
from bulk_topup.system.files import OWNER_ONLY

#: Maximum bytes read from a file of addresses.
MAX_FILE_BYTES: Final = 64 * 1024
#: Minimum characters of a URL path that is treated as a secret.
_MIN_SECRET_PATH: Final = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """One address, with the events and attachments to send there."""

    #: Secret.
    address: str = field(repr=False)
    #: Name for people: its number in the job file, and its kind.
    name: str
    on: frozenset[NotificationEvent]
    attach: tuple[Attachment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Variables:
    """Values of `${NAME}`."""

    values: Mapping[str, str] = field(repr=False)
    #: File that was read in addition to the environment.
    file: Path

    @classmethod
    def read(cls, credentials: Path | None) -> "Variables":
        """Read the environment, and for names that it does not have the credentials file or `.env`.

        Args:
            credentials: the credentials file; None for `.env` in the current folder, if it exists.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        values = {**read_env_file(credentials), **os.environ}
        return cls(values=values, file=credentials or DEFAULT_FILE)

    def substitute(self, text: str) -> str:
        """Return a text of a job file with its `${NAME}` filled in; URL-quoted unless a name is the whole text.

        Raises:
            JobError: a name has no value.
        """
        if whole := REFERENCE.fullmatch(text):
            return self._value(whole[1])
        return REFERENCE.sub(lambda match: quote(self._value(match[1]), safe=""), text)

    def _value(self, name: str) -> str:
        value = self.values.get(name, "").strip()
        if not value:
            raise JobError(
                f"${{{name}}} of the job file has no value. Set {name}=… in the environment or in {self.file}, "
                "or remove it from the job file."
            )
        return value


def ping_url(text: str, variables: Variables) -> str:
    """Return the ping URL of a job, and register it as a secret, so that logs and messages mask it.

    Args:
        text: the setting of the job file.
        variables: the values of `${NAME}`.

    Raises:
        JobError: a name has no value, or the text is not a URL.
    """
    url = variables.substitute(text)
    parts = urlsplit(url)
    path = parts.path.strip("/")
    # Anyone with the URL can ping. A short path is no secret, and its text occurs elsewhere. The parts are registered
    # too, because requests have a suffix between path and query.
    register_secret(url, parts.query, parts.password or "", *([path] if len(path) >= _MIN_SECRET_PATH else []))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise JobError("The ping is not a URL such as https://hc-ping.com/…. Fix ping, or the value of its ${NAME}.")
    return url


def load_channels(notifications: Sequence[Notification], folder: Path, variables: Variables) -> tuple[Channel, ...]:
    """Return the channels of a job, and register their addresses as secrets.

    Args:
        notifications: the setting of the job file.
        folder: where relative paths start, the folder of the job file.
        variables: the values of `${NAME}`.

    Raises:
        JobError: Apprise is not installed, a name has no value, or a file of addresses cannot be used.
    """
    if notifications and find_spec("apprise") is None:
        raise JobError(
            "The job has notifications, but Apprise, which sends them, is not installed. Install it with "
            "`pip install 'bulk-topup[notifications]'`, or remove the notifications from the job file."
        )
    channels = []
    for number, notification in enumerate(notifications, 1):
        for address in _addresses(notification, folder, variables):
            _register_secrets(address)
            channel = Channel(
                address=address,
                name=f"notification {number} ({urlsplit(address).scheme}://)",
                on=frozenset(notification.on),
                attach=notification.attach,
            )
            channels.append(channel)
    return tuple(channels)


def _addresses(notification: Notification, folder: Path, variables: Variables) -> Iterator[str]:
    for text in notification.to:
        yield variables.substitute(text)
    if notification.to_file is not None:
        yield from _lines(folder / notification.to_file)


def _lines(file: Path) -> Iterator[str]:
    try:
        if not file.is_file():
            raise JobError(f"No file {file}. Create it, with one address per line.")
        state = file.stat()
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES)
    except OSError as error:
        raise JobError(f"Can't read {file}: {error.strerror}.") from None
    # A file of another owner, as containers mount for secrets, has the mode that its owner chose.
    if state.st_uid == os.geteuid() and state.st_mode & ~OWNER_ONLY & 0o777:
        raise JobError(f"Other users can read {file}. Make it private with `chmod 600 {file}`.")
    lines = (line.strip() for line in content.decode(errors="replace").splitlines())
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise JobError(f"{file} has no address. Add one address per line.")
    yield from found


def _register_secrets(address: str) -> None:
    parts = urlsplit(address)
    password = parts.password or ""
    register_secret(address, password, unquote(password))
