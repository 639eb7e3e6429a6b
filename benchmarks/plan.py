"""Measures how fast lists of any length are read, checked and planned, and how much memory that takes.

python benchmarks/plan.py [--rows ROWS]...

ROWS are the lengths of the lists, by default 1,000 to 1,000,000; 10,000,000 takes some minutes and 12 GB of disk.
"""

import argparse
import asyncio
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from figures import Figures, reached
from pydantic import BaseModel, Field, SecretStr
from python_calamine import CalamineWorkbook
from workbooks import write_workbook

from bulk_topup.app.merge import merge_list
from bulk_topup.app.open_list import open_job_list
from bulk_topup.app.plan import plan_job
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import prepare
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.dvs import AsyncDVS
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.system.clock import SystemClock

T = TypeVar("T")

ROWS = (1_000, 10_000, 100_000, 1_000_000)
#: Rows for the loop over objects, whose time is proportional to the rows.
NAIVE_ROWS = 50_000
#: The length with aims, and its maximum seconds and memory in MB.
AIMED_ROWS, AIMED_SECONDS, AIMED_MEMORY = 1_000_000, 10, 600
#: Rows of the workbook, and its maximum seconds.
SHEET_ROWS, SHEET_SECONDS = 100_000, 3
KEY, SECRET = "benchmark", SecretStr("benchmark")
BAR = 40


class NaiveRow(BaseModel):
    """A row, checked as an object."""

    reference: str = Field(min_length=1)
    phone: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    amount: Decimal = Field(ge=1, le=100)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--measure", nargs=2, metavar=("LIST", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        path, url = arguments.measure
        print(json.dumps(asyncio.run(_measure(Path(path), url))))
        return
    figures = Figures(
        title="Checks and plan of long lists",
        what=(
            "CSV lists with a reference, one of 90 amounts and a different phone in each row, for a ranged product, "
            "and a workbook of 8 columns. Each list is planned in a process of its own, with a new ledger."
        ),
        packages=("polars", "pydantic"),
    )
    sizes = arguments.rows or ROWS
    measured = {rows: _measure_list(rows) for rows in sizes}
    shown = AIMED_ROWS if AIMED_ROWS in sizes else max(sizes)
    _add_list_figures(figures, shown, measured[shown])
    _add_workbook_figures(figures)
    figures.show(_growth(measured))


def _measure_list(rows: int) -> dict[str, Any]:
    """Write a list and measure it."""
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedSandbox(SandboxConfig(api_key=KEY, api_secret=SECRET)) as sandbox,
    ):
        path = Path(name) / "list.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("reference,phone,amount\n")
            file.writelines(f"E-{row},+659{row:07},{1 + row % 90}.5\n" for row in range(rows))
        _, naive = _timed(lambda: _naive(path, min(rows, NAIVE_ROWS)))
        frame, alone = _timed(lambda: pl.read_csv(path, infer_schema=False))
        assert frame.height == rows
        del frame
        found = _plan(path, sandbox.base_url, rows)
    return {**found, "polars": alone, "naive": naive * rows / min(rows, NAIVE_ROWS)}


def _plan(path: Path, url: str, rows: int) -> dict[str, Any]:
    """Plan a list in a separate process."""
    command = [sys.executable, __file__, "--measure", str(path), url]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert found["accepted"] == rows
    return found


def _add_workbook_figures(figures: Figures) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedSandbox(SandboxConfig(api_key=KEY, api_secret=SECRET)) as sandbox,
    ):
        path = Path(name) / "list.xlsx"
        write_workbook(path, SHEET_ROWS)
        _, alone = _timed(lambda: CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python())
        planning = _plan(path, sandbox.base_url, SHEET_ROWS)["planning"]
    figures.add(f"XLSX, {SHEET_ROWS:,} rows: baseline, calamine reads the cells", f"{alone:.2f} s")
    figures.add(
        f"XLSX, {SHEET_ROWS:,} rows: read, checked, staged and planned",
        f"{planning:.2f} s, {SHEET_ROWS / planning:,.0f} rows/s",
        ratio=f"{planning / alone:.1f} times calamine alone",
        aim=reached(planning <= SHEET_SECONDS, f"{SHEET_SECONDS} s"),
    )


async def _measure(path: Path, url: str) -> dict[str, Any]:
    """Plan a list in this process, then merge it into a run, and do both again."""
    job = Job(list=str(path), product=6418).at(SystemClock().now(), Path())
    read, reading = _timed(lambda: sum(batch.height for batch in open_job_list(job).batches()))
    async with AsyncDVS(url, KEY, SECRET) as dvs:
        with LedgerStore(path.with_suffix(".db")) as ledger:
            started = time.perf_counter()
            used = time.process_time()
            _, prepared = await plan_job(job, dvs=dvs, ledger=ledger, environment=Environment.SANDBOX)
            planning, used = time.perf_counter() - started, time.process_time() - used
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            assert prepared.plan.rows == read
            seconds = [await _plan_and_merge(job, dvs, ledger) for _ in range(2)]
    return {
        "accepted": prepared.plan.accepted,
        "reading": reading,
        "planning": planning,
        "cpu": used,
        "memory": memory,
        "merging": seconds[0][1],
        "planning again": seconds[1][0],
        "merging again": seconds[1][1],
    }


async def _plan_and_merge(job: Job, dvs: AsyncDVS, ledger: LedgerStore) -> tuple[float, float]:
    """Plan the list of a job and merge it into its run, as before sending, and return the seconds of each."""
    run = ledger.runs.find(job.name, str(job.run_key))
    reader = open_job_list(job)
    started = time.perf_counter()
    await prepare(reader=reader, dvs=dvs, ledger=ledger, run=run, options=job.plan_options, guards=job.guards)
    planned = time.perf_counter()
    payer = PayingAccount(environment=Environment.SANDBOX, account="")
    merge_list(job, ledger=ledger, payer=payer, columns=reader.columns, ids=RunIds.of_name(job.name, str(job.run_key)))
    return planned - started, time.perf_counter() - planned


def _naive(path: Path, rows: int) -> None:
    """Check rows as objects, and find duplicates with all of them in memory."""
    seen = set()
    with path.open(encoding="utf-8", newline="") as file:
        for _, row in zip(range(rows), csv.DictReader(file), strict=False):
            seen.add(NaiveRow.model_validate(row).phone)
    assert len(seen) == rows


def _add_list_figures(figures: Figures, rows: int, found: dict[str, Any]) -> None:
    def add(what: str, seconds: float, ratio: str = "", aim: str = "") -> None:
        figures.add(f"{rows:,} rows: {what}", f"{seconds:.2f} s, {rows / seconds:,.0f} rows/s", ratio=ratio, aim=aim)

    is_aimed = rows == AIMED_ROWS
    planning, memory = found["planning"], found["memory"]
    add("baseline, polars reads the columns as text", found["polars"])
    add("baseline, `csv.DictReader` and a pydantic model per row, no plan", found["naive"])
    add("read and normalised", found["reading"], f"{found['reading'] / found['polars']:.1f} times polars alone")
    add(
        "read, checked, staged and planned",
        planning,
        f"{planning / found['polars']:.1f} times polars alone, {planning / found['naive']:.2f} times a model per row",
        reached(planning <= AIMED_SECONDS, f"{AIMED_SECONDS} s") if is_aimed else "",
    )
    add("the same, CPU time of all threads", found["cpu"])
    figures.add(
        f"{rows:,} rows: peak memory of the planning process",
        f"{memory:.0f} MB",
        aim=reached(memory <= AIMED_MEMORY, f"{AIMED_MEMORY} MB") if is_aimed else "",
    )
    add("merged into a new run, on disk", found["merging"])
    again = found["planning again"] / planning
    add("planned again for that run", found["planning again"], f"{again:.1f} times without a run", _twice(again))
    add("merged again", found["merging again"])


def _twice(ratio: float) -> str:
    return reached(ratio <= 2, "2 times or less")


def _growth(measured: dict[int, dict[str, Any]]) -> str:
    """Draw the time per row for each length: equally long bars mean linear growth."""
    each = {rows: found["planning"] / rows * 1e6 for rows, found in measured.items()}
    longest = max(each.values())
    lines = [
        f"{rows:>12,} rows {measured[rows]['planning']:>9.2f} s {measured[rows]['memory']:>6.0f} MB "
        f"{time_:>8.1f} µs per row {'█' * max(1, round(BAR * time_ / longest))}"
        for rows, time_ in each.items()
    ]
    return "\n".join(["How planning grows:", "", "```text", *lines, "```"])


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


if __name__ == "__main__":
    main()
