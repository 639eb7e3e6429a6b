"""Who is told what of a job's starts, as a job file says it; pure."""

import re
from enum import StrEnum
from typing import Annotated, Final, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

#: Stands for the value that the environment, or the file of the credentials, has under the name.
REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

#: Channels whose addresses hold no secret unless they state a password.
_OPEN_CHANNELS: Final = frozenset({"mailto", "mailtos"})
_PASSWORDS: Final = frozenset({"pass", "password"})
_CURE: Final = (
    "write it as NAME=… into the environment or the credentials file and ${NAME} here, or put the whole address into a "
    "file and name that with to_file"
)


class NotificationEvent(StrEnum):
    """What somebody may be told of."""

    #: Rows begin to be sent.
    START = "start"
    #: All rows have come to their end, whether they completed or not.
    FINISH = "finish"
    #: Rows did not complete, nothing could be sent, or the run stopped before its end.
    FAILURE = "failure"
    #: Somebody has to approve the run before anything is sent.
    APPROVAL = "approval"


class Attachment(StrEnum):
    """What may go with a message about the end of a run."""

    #: Rows and money by state and product, without people.
    SUMMARY = "summary"
    #: All rows, with the people in them; PINs never.
    REPORT = "report"
    #: The rows that did not complete, with the people in them.
    NOT_COMPLETED = "not_completed"


def _checked_address(text: str) -> str:
    parts = urlsplit(text)
    if not REFERENCE.match(text) and not parts.scheme:
        raise ValueError("it is no address such as mailto://relay.example.com?from=a@example.com&to=b@example.com")
    stated = [parts.password or "", *(value for key, value in parse_qsl(parts.query) if key.lower() in _PASSWORDS)]
    if any(value and not REFERENCE.fullmatch(value) for value in stated):
        raise ValueError(f"a password does not belong into a job file; {_CURE}")
    if not REFERENCE.search(text) and parts.scheme.lower() not in _OPEN_CHANNELS:
        raise ValueError(f"addresses of {parts.scheme}:// are secrets, as whoever knows them can use them; {_CURE}")
    return text


def _checked_url(text: str) -> str:
    if not REFERENCE.match(text) and urlsplit(text).scheme not in {"http", "https"}:
        raise ValueError("it is no URL such as https://hc-ping.com/…")
    return text


Address = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_checked_address)]
#: An address that is asked for when a start begins and ends.
PingURL = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_checked_url)]

#: Where figures for Prometheus are written; its collector takes no other files.
MetricsFile = Annotated[str, Field(pattern=r"\.prom$", max_length=4096)]


class Notification(BaseModel):
    """Who is told, and of what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Addresses as Apprise has them; secrets in them as ${NAME}, from the environment or the credentials file.
    to: tuple[Address, ...] = Field(default=(), max_length=50)
    #: A file with an address a line that only its owner can read, relative to the job file.
    to_file: str | None = Field(default=None, min_length=1)
    #: What of.
    on: tuple[NotificationEvent, ...] = Field(
        default=(NotificationEvent.FINISH, NotificationEvent.FAILURE, NotificationEvent.APPROVAL), min_length=1
    )
    #: What goes with it at the end of a run, where the channel takes files; all but the summary names people.
    attach: tuple[Attachment, ...] = ()

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if not self.to and self.to_file is None:
            raise ValueError("nobody would be told; state to or to_file")
        return self
