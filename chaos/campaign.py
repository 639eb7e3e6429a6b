"""Plays many scenarios, a few at a time, and tells how they ended; each job is a process that forks what it starts."""

import gc
import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chaos.plan import Scenario
from chaos.play import Played, play


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """How a campaign ended."""

    played: Sequence[Played]
    seconds: float

    @property
    def failed(self) -> list[Played]:
        """The scenarios that somebody must look at."""
        return [each for each in self.played if each.complaints]

    def summary(self) -> str:
        """Tell what was tried, and how it ended."""
        kinds = Counter(kind for each in self.played for kind in each.kinds)
        ends = Counter(end for each in self.played for end in each.ends)
        seeds = [each.seed for each in self.played]
        lines = [
            f"{len(self.played)} scenarios, seeds {min(seeds)} to {max(seeds)}, {self.seconds:.0f} s",
            (
                f"rows {sum(each.rows for each in self.played)}, starts {sum(each.starts for each in self.played)}, "
                f"restarts of the sandbox {sum(each.restarts for each in self.played)}"
            ),
            f"starts ended with: {_counted(ends)}",
            f"faults met: {_counted(kinds)}",
            f"{len(self.failed)} failed" if self.failed else "nobody paid twice, nobody forgotten, the books agree",
        ]
        return "\n".join(lines)


def run_campaign(
    scenarios: Iterable[Scenario],
    *,
    folder: Path,
    jobs: int,
    tell: Callable[[Played], None],
    sabotage: str | None = None,
    keep: bool = False,
) -> Campaign:
    """Play scenarios, and tell how they ended.

    Args:
        scenarios: each with a seed of its own.
        folder: where each gets a folder, named after its seed.
        jobs: scenarios at the same time.
        tell: is called with each as it ends.
        sabotage: how the product is made wrong, see chaos.breakage.SABOTAGES.
        keep: whether the folders of those that ended well are kept too.
    """
    begun = time.monotonic()
    played = []
    # Spawned, whatever threads the caller has: the jobs must have none, as they fork.
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=gc.freeze) as pool:
        for each in pool.imap_unordered(partial(_play, folder=folder, sabotage=sabotage), scenarios):
            played.append(each)
            if not (each.complaints or keep):
                shutil.rmtree(each.folder)
            tell(each)
    return Campaign(played=played, seconds=time.monotonic() - begun)


def _play(scenario: Scenario, *, folder: Path, sabotage: str | None) -> Played:
    return play(scenario, folder / str(scenario.seed), sabotage=sabotage)


def describe(scenario: Scenario) -> str:
    """Tell what a scenario is, for whoever replays it."""
    lines = [f"seed {scenario.seed}: {len(scenario.list_.lines)} rows, options {' '.join(scenario.options)}"]
    for number, start in enumerate(scenario.starts, start=1):
        lines.append(f"  start {number}: {start.command}, {', '.join(start.kinds) or 'nothing goes wrong'}")
        lines += [f"    --fault {fault!r}" for fault in start.faults]
        if start.breakage.words:
            lines.append(f"    python -m chaos.runner {' '.join(start.breakage.words)}")
        if start.strike is not None:
            lines.append(f"    {start.strike}")
    return "\n".join(lines)


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(names.items())) or "none"
