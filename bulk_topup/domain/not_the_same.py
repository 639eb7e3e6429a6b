"""Define a person's decision that rows which look alike credit different beneficiaries; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class NotTheSame:
    """Rows of a list that a person has found to be others than those that they are refused for."""

    #: Their lines in the list, counted from 1 with the header.
    lines: frozenset[int]
    #: Why, in the person's words.
    reason: str
    #: The operating system's user.
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferentPair:
    """Two credited parties, or references, that a person has found to be different."""

    #: Their keys, as `sameness` creates them, the first in the order of texts first.
    key: str
    other: str
    reason: str
    by: str
    #: In UTC, ISO 8601.
    at: str
