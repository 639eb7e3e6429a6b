"""Prints the results of a benchmark: a section of Markdown with the machine, versions and a table."""

import os
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path


@dataclass(kw_only=True, slots=True)
class Figures:
    """A table of figures and their baselines, measured together."""

    title: str
    #: What was measured, in one or two sentences.
    what: str
    #: Packages whose versions matter.
    packages: tuple[str, ...]
    _lines: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, figure: str, *, ratio: str = "", aim: str = "") -> None:
        """Add a line.

        Args:
            what: what was measured; baselines start with "baseline:".
            figure: the figure with its unit, e.g. `12,345 rows/s`.
            ratio: how it compares with a baseline of the same table, e.g. `71 % of the bare loop`.
            aim: the aim, and whether it was reached, e.g. `70 % or more: reached`.
        """
        self._lines.append((what, figure, ratio, aim))

    def show(self, *texts: str) -> None:
        """Print the section: machine, versions, table, and further paragraphs or blocks."""
        print(f"## {self.title}\n\n{self.what}\n\n{_machine()}; {', '.join(map(_version, self.packages))}.\n")
        print("| what | figure | beside its baseline | aim |\n| --- | ---: | --- | --- |")
        for cells in self._lines:
            print(f"| {' | '.join(cells)} |")
        for text in texts:
            print(f"\n{text}")


def reached(is_reached: bool, aim: str) -> str:
    """Return an aim with the result: reached or missed."""
    return f"{aim}: {'reached' if is_reached else 'missed'}"


def _version(package: str) -> str:
    return f"{package} {version(package)}"


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}"
