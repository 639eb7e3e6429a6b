"""What a check found, and how it is printed; reads no files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class Finding:
    """One place that breaks a rule."""

    path: Path
    #: From 1.
    line: int
    #: What is there.
    what: str
    #: What to write or do instead.
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}: {self.instead}"


def print_findings(findings: Iterable[Finding]) -> int:
    """Print findings in the order of files and lines.

    Returns:
        The exit code: 1 if there are any, otherwise 0.
    """
    found = sorted(set(findings))
    for finding in found:
        print(finding)
    return 1 if found else 0
