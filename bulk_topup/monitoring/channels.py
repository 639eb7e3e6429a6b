"""Where messages go: a job's addresses with their secrets filled in; reads the environment and files that hold them."""

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

#: Bytes of a file of addresses that are read.
MAX_FILE_BYTES: Final = 64 * 1024
#: Characters of a path that nobody guesses.
_SECRET_PATH: Final = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """One address, and what is sent there."""

    #: Secret.
    address: str = field(repr=False)
    #: What people call it: where it stands in the job file, and its kind.
    name: str
    on: frozenset[NotificationEvent]
    attach: tuple[Attachment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Variables:
    """What `${NAME}` stands for."""

    values: Mapping[str, str] = field(repr=False)
    #: Which file was read beside the environment.
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

    def filled(self, text: str) -> str:
        """Fill in what a job file says; what is only a part of it is quoted as a URL needs it.

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
                f"${{{name}}} has no value, and the job file wants it; write {name}=… into the environment or into "
                f"{self.file}, or take it out of the job file."
            )
        return value


def ping_url(text: str, variables: Variables) -> str:
    """Give the URL of a job's pings; it is left out of all that is said from now on.

    Raises:
        JobError: a name has no value, or it is no URL.
    """
    url = variables.filled(text)
    parts = urlsplit(url)
    path = parts.path.strip("/")
    # Whoever knows it can ping; a path that anybody could guess is no secret, and would be found everywhere. Its parts
    # are hidden too, since what is asked for has an ending between them.
    register_secret(url, parts.query, parts.password or "", *([path] if len(path) >= _SECRET_PATH else []))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise JobError("The ping is no URL such as https://hc-ping.com/…; correct it where it is stated.")
    return url


def channels_of(notifications: Sequence[Notification], folder: Path, variables: Variables) -> tuple[Channel, ...]:
    """Give the channels of a job.

    Args:
        notifications: what the job file says.
        folder: where relative paths begin.
        variables: what `${NAME}` stands for.

    Raises:
        JobError: what sends messages is not installed, a name has no value, or a file cannot be used.
    """
    if notifications and find_spec("apprise") is None:
        raise JobError(
            "The job has notifications, and Apprise, which sends them, is not installed; install it with "
            "`pip install 'bulk-topup[notifications]'`, or take them out of the job file."
        )
    found = []
    for number, notification in enumerate(notifications, 1):
        for address in _addresses(notification, folder, variables):
            _hide(address)
            channel = Channel(
                address=address,
                name=f"notification {number} ({urlsplit(address).scheme}://)",
                on=frozenset(notification.on),
                attach=notification.attach,
            )
            found.append(channel)
    return tuple(found)


def _addresses(notification: Notification, folder: Path, variables: Variables) -> Iterator[str]:
    for text in notification.to:
        yield variables.filled(text)
    if notification.to_file is not None:
        yield from _lines(folder / notification.to_file)


def _lines(file: Path) -> Iterator[str]:
    try:
        if not file.is_file():
            raise JobError(f"{file} is not there; put the addresses into it, one a line.")
        state = file.stat()
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES)
    except OSError as error:
        raise JobError(f"{file} cannot be read: {error.strerror}.") from None
    # One that the system hands out, as containers do, belongs to somebody else, who sees to its mode.
    if state.st_uid == os.geteuid() and state.st_mode & ~OWNER_ONLY & 0o777:
        raise JobError(f"{file} can be read by others; make it private with chmod 600.")
    lines = (line.strip() for line in content.decode(errors="replace").splitlines())
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise JobError(f"{file} holds no address; put them into it, one a line.")
    yield from found


def _hide(address: str) -> None:
    parts = urlsplit(address)
    password = parts.password or ""
    register_secret(address, password, unquote(password))
