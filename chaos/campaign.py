"""Plays many scenarios, a few at a time, and tells how they ended; each job is a process that forks what it starts."""

import gc
import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chaos.plan import Scenario, draw_scenario
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
            f"{len(self.played)} scenarios, seeds {min(seeds)} to {max(seeds)}, {self.seconds:.0f} s: "
            f"{sum(each.rows for each in self.played)} rows, {sum(each.starts for each in self.played)} starts, "
            f"{sum(each.restarts for each in self.played)} restarts of the sandbox",
            f"starts ended with: {_counted(ends)}",
            f"faults met: {_counted(kinds)}",
            f"{len(self.failed)} failed" if self.failed else "nobody paid twice, nobody forgotten, the books agree",
        ]
        return "\n".join(lines)


def run_campaign(
    seeds: Iterable[int], *, folder: Path, jobs: int, tell: Callable[[Played], None], sabotage: str | None = None
) -> Campaign:
    """Play the scenarios of these seeds.

    Args:
        seeds: one a scenario.
        folder: where each gets a folder; only those of failed ones are kept.
        jobs: scenarios at the same time.
        tell: is called with each as it ends.
        sabotage: how the product is made wrong, see chaos.runner.SABOTAGES.
    """
    begun = time.monotonic()
    played = []
    for each in _each(jobs, partial(_play_seed, folder=folder, sabotage=sabotage), seeds):
        played.append(each)
        if not each.complaints:
            shutil.rmtree(each.folder)
        tell(each)
    return Campaign(played=played, seconds=time.monotonic() - begun)


def _each(jobs: int, function: Callable[[int], Played], seeds: Iterable[int]) -> Iterator[Played]:
    with multiprocessing.get_context("fork").Pool(jobs, initializer=gc.freeze) as pool:
        yield from pool.imap_unordered(function, seeds)


def _play_seed(seed: int, *, folder: Path, sabotage: str | None) -> Played:
    return play(draw_scenario(seed), folder / str(seed), sabotage=sabotage)


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
