"""Plays many scenarios in several processes, which fork what they start, and summarises the results."""

import gc
import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bulk_topup.domain.verdict import format_rows
from chaos.plan import Scenario
from chaos.play import Played, play


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """The results of a campaign."""

    played: Sequence[Played]
    seconds: float

    @property
    def failed(self) -> list[Played]:
        """The scenarios with complaints."""
        return [each for each in self.played if each.complaints]

    def summary(self) -> str:
        """Return a summary of what was tried and how it ended."""
        kinds = Counter(kind for each in self.played for kind in each.kinds)
        ends = Counter(end for each in self.played for end in each.ends)
        seeds = [each.seed for each in self.played]
        lines = [
            f"{len(self.played)} scenarios, seeds {min(seeds)} to {max(seeds)}, {self.seconds:.0f} s",
            (
                f"rows {sum(each.rows for each in self.played)}, starts {sum(each.starts for each in self.played)}, "
                f"restarts of the sandbox {sum(each.restarts for each in self.played)}"
            ),
            f"starts ended with: {_format_counts(ends)}",
            f"faults: {_format_counts(kinds)}",
            f"{len(self.failed)} failed" if self.failed else "all passed: no payment repeated or lost, the books agree",
        ]
        return "\n".join(lines)


def run_campaign(
    scenarios: Iterable[Scenario],
    *,
    folder: Path,
    jobs: int,
    on_played: Callable[[Played], None],
    keep: bool = False,
) -> Campaign:
    """Play scenarios, and return their results.

    Args:
        scenarios: each with its own seed.
        folder: gets a folder for each, named by its seed.
        jobs: number of concurrent scenarios.
        on_played: is called with each result.
        keep: whether to keep the folders of scenarios that passed, too.
    """
    started = time.monotonic()
    played = []
    # Spawned rather than forked: the jobs fork, so they must not inherit threads of the caller.
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=gc.freeze) as pool:
        for each in pool.imap_unordered(partial(_play, folder=folder), scenarios):
            played.append(each)
            if not (each.complaints or keep):
                shutil.rmtree(each.folder)
            on_played(each)
    return Campaign(played=played, seconds=time.monotonic() - started)


def _play(scenario: Scenario, *, folder: Path) -> Played:
    return play(scenario, folder / str(scenario.seed))


def describe(scenario: Scenario) -> str:
    """Describe a scenario, for a replay."""
    lines = [f"Seed {scenario.seed}: {format_rows(len(scenario.list_.lines))}, options {' '.join(scenario.options)}"]
    for number, start in enumerate(scenario.starts, start=1):
        lines.append(f"  start {number}: {start.command}, {', '.join(start.kinds) or 'no fault'}")
        lines += [f"    --fault {fault!r}" for fault in start.faults]
        if start.breakage.arguments:
            lines.append(f"    python -m chaos.runner {' '.join(start.breakage.arguments)}")
        if start.strike is not None:
            lines.append(f"    {start.strike}")
    return "\n".join(lines)


def _format_counts(names: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(names.items())) or "none"
