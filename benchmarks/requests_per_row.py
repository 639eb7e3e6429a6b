"""Measures how many requests a row takes until its final status is known, compared with one GET per row and second.

    python benchmarks/requests_per_row.py [ROWS] [TIME_SCALE]

A third each of the rows is final 3 s, 20 s and 5 min after its creation, times the scale; so is the second of the
baseline.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import uvloop
from figures import Figures, reached
from payments import pay, write_list
from processes import KEY, SECRET, sandbox

from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import PollPolicy, RunOptions

ROWS = 10_000
TIME_SCALE = 0.1
NAIVE_ROWS = 15
RATE_LIMIT = 500
#: Last digits of numbers that complete after 3 s, 20 s and 5 min (reference: sandbox suffixes).
SUFFIXES = ("100", "200", "300")
AIM = 1.05


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    scale = float(sys.argv[2]) if len(sys.argv) > 2 else TIME_SCALE
    with (
        tempfile.TemporaryDirectory() as name,
        sandbox(time_scale=scale, rate_limit=RATE_LIMIT) as (base_url, _),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop,
    ):
        naive = loop.run(_naive(base_url, scale)) / NAIVE_ROWS
        requests, seconds = loop.run(_pay(base_url, Path(name), rows, scale))
    figures = Figures(
        title="Requests per row",
        what=(
            f"{rows:,} rows, confirmed as they are created and tracked by polling only; a third each is final after "
            f"3 s, 20 s and 5 min, times {scale:g}. All requests count, including those of the plan."
        ),
        packages=("httpx2",),
    )
    figures.add(f"baseline: a POST, then a GET per second ({NAIVE_ROWS} rows)", f"{naive:.1f} requests per row")
    figures.add(
        "bulk-topup: plan, submit and track",
        f"{requests / rows:.3f} requests per row",
        ratio=f"{rows * naive / requests:.0f} times fewer",
        aim=reached(requests <= AIM * rows, f"{AIM} or fewer"),
    )
    figures.show(f"The run took {seconds:.0f} s; its last row was final {300 * scale:.0f} s after its creation.")


async def _naive(base_url: str, scale: float) -> int:
    """Return the number of requests if each row is fetched once a second."""
    requests = 0
    async with httpx2.AsyncClient(auth=(KEY, SECRET)) as client:

        async def follow(row: int) -> None:
            nonlocal requests
            body = {
                "external_id": f"naive-{row}",
                "product_id": 6418,
                "calculation_mode": "DESTINATION_AMOUNT",
                "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 1},
                "auto_confirm": True,
                "credit_party_identifier": {"mobile_number": _number(row)},
            }
            response = await client.post(f"{base_url}/async/transactions", json=body)
            requests += 1
            while response.json()["status"]["class"]["message"] != "COMPLETED":
                await asyncio.sleep(scale)
                response = await client.get(f"{base_url}/transactions/{response.json()['id']}")
                requests += 1

        await asyncio.gather(*(follow(row) for row in range(NAIVE_ROWS)))
    return requests


async def _pay(base_url: str, folder: Path, rows: int, scale: float) -> tuple[int, float]:
    path = write_list(folder, map(_number, range(rows)))
    options = RunOptions(polling=PollPolicy(shortest=2 * scale, longest=60 * scale))
    async with AsyncDVS(base_url, KEY, SECRET, connections=1000) as dvs:
        started = time.perf_counter()
        await pay(path, dvs, folder, options)
        return dvs.traffic.requests, time.perf_counter() - started


def _number(row: int) -> str:
    """Return a different number for each of 27,000 rows, since payments to the same number are never concurrent."""
    return f"+659{row // 3 % 9000:04}{SUFFIXES[row % 3]}"


if __name__ == "__main__":
    main()
