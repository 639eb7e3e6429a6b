"""Measures how fast rows are paid without a rate limit, per transport, compared with loops that post the same bodies.

    python benchmarks/run.py [ROWS]

The sandbox has one core, and the payer the other; all have the same concurrency.
"""

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import aiohttp
import httpx
import httpx2
import uvloop
from figures import Figures, reached
from payments import pay, write_list
from processes import KEY, SECRET, cpu_seconds, sandbox
from pyreqwest.client import ClientBuilder

from bulk_topup.app.prepare import Prepared
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.transports.choice import DEFAULT_TRANSPORT, TransportName
from bulk_topup.engine import PollPolicy, Runner, RunOptions
from bulk_topup.jobs.job import Job

ROWS = 10_000
#: Rows for slower clients, which are enough to measure them.
FEWER = 2_000
FEWEST = 500
CONCURRENCY = 32
HEADERS = {"Authorization": aiohttp.encode_basic_auth(KEY, SECRET), "Content-Type": "application/json"}

#: Posts a body to an address and returns the status of the response.
Post = Callable[[str, bytes], Awaitable[int]]


@dataclass(kw_only=True, slots=True)
class Spent:
    """Time that something took."""

    rows: int
    seconds: float
    #: CPU seconds of all threads.
    cpu: float

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds

    def __str__(self) -> str:
        return f"{self.rate:,.0f} rows/s, {self.cpu / self.rows * 1e6:,.0f} µs of CPU per row"


@dataclass(slots=True)
class TimingWatcher:
    """A watcher that confirms, and records when a run starts and stops to send."""

    marks: list[tuple[float, float]] = field(default_factory=list)

    def mark(self) -> None:
        """Record the time."""
        self.marks.append((time.perf_counter(), time.process_time()))

    def between(self, first: int, last: int, rows: int) -> Spent:
        """Return the time between two marks."""
        started, ended = self.marks[first], self.marks[last]
        return Spent(rows=rows, seconds=ended[0] - started[0], cpu=ended[1] - started[1])

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Ignore the plan."""

    def confirm(self, run_name: str, rows: int) -> None:
        """Confirm the run."""

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Record when it starts and stops."""
        del run, runner
        self.mark()
        yield
        self.mark()


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    figures = Figures(
        title="Rows paid without a rate limit",
        what=(
            f"{rows:,} rows, {CONCURRENCY} concurrent requests, the sandbox on another core than the payer. Bare loops "
            "post the bodies and ignore the responses."
        ),
        packages=("aiohttp", "httpx", "httpx2", "pyreqwest", "pydantic", "uvloop"),
    )
    bare: dict[str, Spent] = {}
    naive = _bare(_naive, min(rows, FEWEST), cores[-1])
    figures.add("baseline: asyncio, httpx 0.28, a commit per row", str(naive))
    for name, (client, count) in CLIENTS.items():
        bare[name] = _bare(client, min(rows, count), cores[-1])
        figures.add(f"baseline: a bare {name} loop", str(bare[name]))
    explanation = ""
    for name in get_args(TransportName):
        is_default = name == DEFAULT_TRANSPORT
        count = rows if is_default else min(rows, FEWER)
        watch, requests, server = _pay(name, count, cores[-1])
        all_of_it = watch.between(1, 3, count)
        share = all_of_it.rate / bare["httpx2"].rate
        figures.add(
            f"submit, track and report over {name}{', the default' if is_default else ''}",
            str(all_of_it),
            ratio=f"{share:.0%} of a bare httpx2 loop, {all_of_it.rate / bare[name].rate:.0%} of a bare {name} one",
            aim=reached(share >= 0.7, "70 % of a bare httpx2 loop") if is_default else "",
        )
        if is_default:
            per_core = count / all_of_it.cpu
            figures.add("the same, per CPU second", f"{per_core:,.0f} rows",
                        aim=reached(per_core >= 5_000, "5,000 per second on one core"))  # fmt: skip
            phases = zip(("check", "submit and track", "report"), range(3), strict=True)
            explanation = "Of the default's CPU: " + ", ".join(
                f"{what} {watch.between(at, at + 1, count).cpu / count * 1e6:,.0f} µs per row" for what, at in phases
            )
            explanation += (
                f"; {requests / count:.3f} requests per row. The sandbox took {server / count * 1e6:,.0f} µs of its "
                f"own core per row, which limits any client to {count / server:,.0f} rows/s."
            )
    figures.show(explanation)


def _bare(client: Callable[[], AbstractAsyncContextManager[Post]], rows: int, core: int) -> Spent:
    async def loop(base_url: str) -> Spent:
        waiting = iter([_body(row) for row in range(rows)])
        async with client() as post:

            async def worker() -> None:
                for body in waiting:
                    assert await post(f"{base_url}/async/transactions", body) == 201

            started = time.perf_counter(), time.process_time()
            await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
            ended = time.perf_counter(), time.process_time()
        return Spent(rows=rows, seconds=ended[0] - started[0], cpu=ended[1] - started[1])

    with sandbox(core=core) as (base_url, _), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(loop(base_url))


@asynccontextmanager
async def _httpx2() -> AsyncIterator[Post]:
    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx2.AsyncClient(headers=HEADERS, limits=limits) as client:

        async def post(url: str, body: bytes) -> int:
            return (await client.post(url, content=body)).status_code

        yield post


@asynccontextmanager
async def _httpx() -> AsyncIterator[Post]:
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx.AsyncClient(headers=HEADERS, limits=limits) as client:

        async def post(url: str, body: bytes) -> int:
            return (await client.post(url, content=body)).status_code

        yield post


@asynccontextmanager
async def _aiohttp() -> AsyncIterator[Post]:
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(headers=HEADERS, connector=connector) as client:

        async def post(url: str, body: bytes) -> int:
            async with client.post(url, data=body) as response:
                await response.read()
                return response.status

        yield post


@asynccontextmanager
async def _pyreqwest() -> AsyncIterator[Post]:
    async with ClientBuilder().default_headers(HEADERS).build() as client:

        async def post(url: str, body: bytes) -> int:
            return (await client.post(url).body_bytes(body).build().send()).status

        yield post


@asynccontextmanager
async def _naive() -> AsyncIterator[Post]:
    """Write each row before its request and after its response, as a simple script would."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "paid.db")
        database.execute("CREATE TABLE paid (body TEXT PRIMARY KEY, status INTEGER)")
        async with _httpx() as send:

            async def post(url: str, body: bytes) -> int:
                with database:
                    database.execute("INSERT INTO paid VALUES (?, NULL)", (body,))
                status = await send(url, body)
                with database:
                    database.execute("UPDATE paid SET status = ? WHERE body = ?", (status, body))
                return status

            yield post
        database.close()


#: Bare clients, and the number of rows for each.
CLIENTS = {
    "httpx": (_httpx, FEWEST),
    "httpx2": (_httpx2, FEWER),
    "aiohttp": (_aiohttp, FEWER),
    "pyreqwest": (_pyreqwest, FEWER),
}


def _pay(name: TransportName, rows: int, core: int) -> tuple[TimingWatcher, int, float]:
    """Pay a list, and return the times of its phases, its requests, and the CPU seconds of the sandbox."""

    async def timed(base_url: str, folder: Path) -> tuple[TimingWatcher, int]:
        path = write_list(folder, map(_number, range(rows)))
        options = RunOptions(concurrency=CONCURRENCY, polling=PollPolicy(shortest=0.2))
        watch = TimingWatcher()
        watch.mark()
        async with AsyncDVS(base_url, KEY, SECRET, rate=1e9, connections=CONCURRENCY, transport=name) as dvs:
            await pay(path, dvs, folder, options, watch)
            watch.mark()
            return watch, dvs.traffic.requests

    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox(core=core) as (base_url, pid),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        before = cpu_seconds(pid)
        watch, requests = runner.run(timed(base_url, Path(folder)))
        return watch, requests, cpu_seconds(pid) - before


def _body(row: int) -> bytes:
    return codec.encode(
        {
            "external_id": f"bare-{row}",
            "product_id": 6418,
            "calculation_mode": "DESTINATION_AMOUNT",
            "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 1},
            "auto_confirm": True,
            "credit_party_identifier": {"mobile_number": _number(row)},
        }
    )


def _number(row: int) -> str:
    """Return a different number for each row, which the sandbox completes."""
    return f"+659{2000 + row // 600:04}{400 + row % 600}"


if __name__ == "__main__":
    main()
