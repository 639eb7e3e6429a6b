"""How fast rows are paid without a rate limit, beside a bare httpx2 loop that posts the same bodies.

    python benchmarks/run.py [ROWS]

The sandbox is a process of its own; runner and loop use one process each, with the same concurrency.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import httpx2
import uvloop
from processes import served

from bulk_topup.clock import SystemClock
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import PollPolicy, Prepared, Runner, RunOptions
from bulk_topup.environments import Environment
from bulk_topup.jobs import Job
from bulk_topup.ledger import Ledger
from bulk_topup.records import Run
from bulk_topup.reporting import ReportOptions
from bulk_topup.runs import Finished, Payer, run_list
from bulk_topup.states import RowState

ROWS = 3_000
CONCURRENCY = 32
KEY, SECRET = "benchmark", "benchmark"


class _Nobody:
    """Looks on and says nothing."""

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """See what a start would do."""

    def confirm(self, run_name: str, rows: int) -> None:
        """Agree."""

    def running(self, run: Run, runner: Runner) -> nullcontext[None]:
        """Look on."""
        del run, runner
        return nullcontext()


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with (
        tempfile.TemporaryDirectory() as name,
        _sandbox() as base_url,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop,
    ):
        folder = Path(name)
        bare = loop.run(_bare(base_url, rows))
        seconds, requests = loop.run(_paid(base_url, folder, rows))
    print(f"{rows} rows, {CONCURRENCY} at once, no rate limit")
    print(f"  {'baseline: a bare httpx2 loop, submit only':<45} {bare:7.2f} s {rows / bare:>9,.0f} rows/s")
    print(
        f"  {'bulk-topup: check, submit, track, report':<45} {seconds:7.2f} s {rows / seconds:>9,.0f} rows/s"
        f"  {bare / seconds:6.1%} of baseline, {requests / rows:.3f} requests a row"
    )


async def _bare(base_url: str, rows: int) -> float:
    waiting = iter(range(rows))
    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx2.AsyncClient(auth=(KEY, SECRET), limits=limits) as client:

        async def worker() -> None:
            for row in waiting:
                body = {
                    "external_id": f"bare-{row}",
                    "product_id": 6418,
                    "calculation_mode": "DESTINATION_AMOUNT",
                    "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 1},
                    "auto_confirm": True,
                    "credit_party_identifier": {"mobile_number": _number(row)},
                }
                answer = await client.post(f"{base_url}/async/transactions", json=body)
                assert answer.status_code == 201, answer.text

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
        return time.perf_counter() - began


async def _paid(base_url: str, folder: Path, rows: int) -> tuple[float, int]:
    path = folder / "list.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("reference,phone,amount\n")
        file.writelines(f"E-{row},{_number(row)},1\n" for row in range(rows))
    job = Job(list=str(path), product=6418, allow_duplicates=True).at(SystemClock().now(), Path())
    options = RunOptions(concurrency=CONCURRENCY, polling=PollPolicy(shortest=0.2))
    began = time.perf_counter()
    async with AsyncDVS(base_url, KEY, SECRET, rate=1e9, connections=CONCURRENCY) as dvs:
        with Ledger(folder / "ledger.db") as ledger:
            finished: Finished = await run_list(
                job,
                dvs=dvs,
                payer=Payer(environment=Environment.SANDBOX, account=dvs.account),
                ledger=ledger,
                options=options,
                report=ReportOptions(folder=folder),
                watcher=_Nobody(),
            )
        assert finished.report.summary.counts[RowState.COMPLETED] == rows
        return time.perf_counter() - began, dvs.traffic.requests


def _number(row: int) -> str:
    """Give a number of the API's example range whose transactions complete."""
    return f"+6595123{400 + row % 600}"


@contextmanager
def _sandbox() -> Iterator[str]:
    command = [
        Path(sys.executable).with_name("bulk-topup"), "sandbox", "--rate-limit", "0", "--time-scale", "0.001",
        "--balance", "USD=1000000000", "--api-key", KEY, "--api-secret", SECRET,
    ]  # fmt: skip
    with served(command) as (_, port):
        yield f"http://127.0.0.1:{port}/v1"


if __name__ == "__main__":
    main()
