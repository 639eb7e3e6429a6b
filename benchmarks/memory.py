"""Measures how much memory a run takes from the list to the report, and how much one more row takes.

    python benchmarks/memory.py [FEWER MORE]

With 100000 1000000 it takes an hour, and checks whether a run of a million rows stays below the limit. Each run is a
process of its own; the difference of two peaks over the difference of two lists shows what grows with the rows.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from figures import Figures, reached
from payments import pay
from processes import KEY, SECRET, resident_memory, sandbox

from bulk_topup.app.prepare import Prepared
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import PollPolicy, Runner, RunOptions
from bulk_topup.jobs.job import Job

#: With so few rows, batches and SQLite's caches still grow to their limits, so the memory per row predicts nothing.
FEWER, MORE = 25_000, 75_000
#: Maximum memory of a run of a million rows, in MB.
ALLOWED = 700
MILLION = 1_000_000


class _MemoryWatcher:
    """A watcher that confirms, and records the peak memory in MB after each stage."""

    def __init__(self) -> None:
        self.peaks: dict[str, float] = {}

    def record(self, stage: str) -> None:
        """Record the peak so far."""
        self.peaks[stage] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Record the peak of the plan."""
        del job, run, prepared
        self.record("planned")

    def confirm(self, run_name: str, rows: int) -> None:
        """Confirm the run."""

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Record the peaks before and after sending."""
        del run, runner
        self.record("merged")
        yield
        self.record("paid")


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--one"]:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            print(json.dumps(loop.run(_pay(int(sys.argv[2]), sys.argv[3]))))
        return
    fewer, more = map(int, sys.argv[1:3]) if len(sys.argv) > 1 else (FEWER, MORE)
    figures = Figures(
        title="Memory of a run",
        what=(
            "Peak resident memory of a process that checks, plans, pays and reports a list (CSV, XLSX and JSON lines) "
            "against a sandbox that is a process of its own."
        ),
        packages=("polars", "httpx2", "xlsxwriter"),
    )
    with sandbox() as (url, pid):
        few = _measured(fewer, url)
        before = resident_memory(pid)
        many = _measured(more, url)
        grown = resident_memory(pid) - before
    figures.add(f"baseline: peak of {fewer:,} rows", f"{few['reported']:.0f} MB")
    for stage, peak in many.items():
        if stage != "seconds":
            figures.add(
                f"peak of {more:,} rows, until {stage}",
                f"{peak:.0f} MB",
                aim=reached(peak < ALLOWED, f"under {ALLOWED} MB") if more >= MILLION else "",
                ratio=f"{(peak - few[stage]) * 2**20 / (more - fewer):+,.0f} bytes per additional row",
            )
    figures.add("the sandbox, which keeps every transaction", f"{grown / more:,.0f} bytes per transaction")
    figures.show(f"{more:,} rows took {many['seconds']:.0f} s.")


def _measured(rows: int, url: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(rows), url]
    found: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


async def _pay(rows: int, url: str) -> dict[str, float]:
    watcher = _MemoryWatcher()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / f"list-{rows}.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("reference,phone,amount\n")
            # The last digits complete, and every number is different.
            file.writelines(f"E-{row},+659{row // 600:04d}{400 + row % 600},{1 + row % 9}\n" for row in range(rows))
        async with AsyncDVS(url, KEY, SECRET, rate=1e9) as dvs:
            await pay(path, dvs, folder, RunOptions(polling=PollPolicy(shortest=0.2)), watcher)
    watcher.record("reported")
    return {**watcher.peaks, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    main()
