"""What a check of the installation found; pure vocabulary."""

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How a check ended."""

    OK = "ok"
    #: A run goes on, and somebody should know.
    WARN = "warn"
    #: A run could not go on, or should not.
    BAD = "bad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One check with what it found."""

    check: str
    verdict: CheckStatus
    #: A whole sentence.
    message: str
    #: What to do about it, as a sentence; empty where all is well.
    cure: str = ""
    #: Whether it concerns the provider or the way to it.
    is_providers: bool = False
