"""The findings of an installation check; pure vocabulary."""

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """The status of a check."""

    OK = "ok"
    #: A run works, but a person should know.
    WARN = "warn"
    #: A run cannot work, or should not be started.
    BAD = "bad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    status: CheckStatus
    #: What was found, as a sentence.
    message: str
    #: What to do about it, as a sentence; empty if nothing is wrong.
    fix: str = ""
    #: Whether it concerns DVS or the connection to it.
    is_providers: bool = False
    #: Whether it is about options or settings that are missing, so that DVS was not asked.
    is_configuration: bool = False
