"""Notification settings of job files: who is notified of which event; pure."""

import re
from enum import StrEnum
from typing import Annotated, Final, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

#: Reference to a value of the environment or the credentials file.
REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

#: Kinds of channels whose addresses are no secrets, unless they contain a password.
_OPEN_CHANNELS: Final = frozenset({"mailto", "mailtos"})
_PASSWORDS: Final = frozenset({"pass", "password"})
_FIX: Final = (
    "Set NAME=… in the environment or the credentials file and write ${NAME} here, or write the whole address to a "
    "file and set to_file."
)


class NotificationEvent(StrEnum):
    """Events of a job that a channel can be notified of."""

    #: The job starts to send rows.
    START = "start"
    #: All rows are final, completed or not.
    FINISH = "finish"
    #: Some rows are not completed, nothing was sent, or the run stopped early.
    FAILURE = "failure"
    #: The run requires an approval before anything is sent.
    APPROVAL = "approval"


class Attachment(StrEnum):
    """Files that can be attached to the message at the end of a run."""

    #: Counts and totals by state and product, without personal data.
    SUMMARY = "summary"
    #: All rows, with personal data but without PINs.
    REPORT = "report"
    #: Rows that are not completed, with personal data.
    NOT_COMPLETED = "not_completed"


def _checked_address(text: str) -> str:
    parts = urlsplit(text)
    if not REFERENCE.match(text) and not parts.scheme:
        raise ValueError("Not an address such as mailto://relay.example.com?from=a@example.com&to=b@example.com.")
    passwords = [parts.password or "", *(value for key, value in parse_qsl(parts.query) if key.lower() in _PASSWORDS)]
    if any(value and not REFERENCE.fullmatch(value) for value in passwords):
        raise ValueError(f"A job file must not contain passwords. {_FIX}")
    if not REFERENCE.search(text) and parts.scheme.lower() not in _OPEN_CHANNELS:
        raise ValueError(f"Addresses of {parts.scheme}:// are secrets, because anyone can use them. {_FIX}")
    return text


def _checked_url(text: str) -> str:
    if not REFERENCE.match(text) and urlsplit(text).scheme not in {"http", "https"}:
        raise ValueError("Not a URL such as https://hc-ping.com/….")
    return text


Address = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_checked_address)]
#: URL that is requested when the job starts and ends.
PingURL = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_checked_url)]

#: File of Prometheus metrics; the collector reads only files that end in .prom.
MetricsFile = Annotated[str, Field(pattern=r"\.prom$", max_length=4096)]


class Notification(BaseModel):
    """Addresses to notify, and the events to notify them of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Apprise URLs; write secrets as ${NAME}, from the environment or the credentials file.
    to: tuple[Address, ...] = Field(default=(), max_length=50)
    #: File with one address per line, readable only by its owner, relative to the job file.
    to_file: str | None = Field(default=None, min_length=1)
    #: Events to notify of.
    on: tuple[NotificationEvent, ...] = Field(
        default=(NotificationEvent.FINISH, NotificationEvent.FAILURE, NotificationEvent.APPROVAL), min_length=1
    )
    #: Files to attach at the end of a run if the channel takes files; all but the summary contain personal data.
    attach: tuple[Attachment, ...] = ()

    @model_validator(mode="after")
    def _check_has_address(self) -> Self:
        if not self.to and self.to_file is None:
            raise ValueError("No address. Set to or to_file.")
        return self
