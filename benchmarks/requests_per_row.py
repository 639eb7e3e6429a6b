"""Measures how many requests a row takes until its final status is known, compared with one GET per row and second.

    python benchmarks/requests_per_row.py [ROWS] [TIME_SCALE]

A third each of the rows is final 3 s, 20 s and 5 min after its creation, times the scale; so is the second of the
baseline. Once the last row is created, polls may use a tenth of the rate, so that endings are seen soon.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx2
import uvloop
from figures import Figures, reached
from payments import pay, write_list
from processes import KEY, SECRET, sandbox

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.states import RowState
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
        sending, requests, seconds, ending = loop.run(_pay(base_url, Path(name), rows, scale))
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
        "bulk-topup: plan, submit and track, until the last row is created",
        f"{sending / rows:.3f} requests per row",
        aim=reached(sending <= AIM * rows, f"{AIM} or fewer"),
    )
    figures.add(
        "bulk-topup: until the last row is final",
        f"{requests / rows:.3f} requests per row",
        ratio=f"{rows * naive / requests:.0f} times fewer",
    )
    polls = (requests - sending) / ending
    figures.add(
        "polls after the last creation",
        f"{polls:.1f} requests per second",
        aim=reached(polls <= RATE_LIMIT / 10, f"a tenth of the limit, {RATE_LIMIT // 10}, or fewer"),
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


async def _pay(base_url: str, folder: Path, rows: int, scale: float) -> tuple[int, int, float, float]:
    """Return the requests until the last creation and until the end, and the seconds in all and after the creation."""
    path = write_list(folder, map(_number, range(rows)))
    async with AsyncDVS(base_url, KEY, SECRET, connections=1000) as dvs:
        created, sending, sent_at = 0, 0, 0.0

        def count(moved: Sequence[tuple[Attempt, Move]]) -> None:
            nonlocal created, sending, sent_at
            created += sum(move.before is RowState.IN_FLIGHT for _, move in moved)
            if created == rows and not sending:
                sending, sent_at = dvs.traffic.requests, time.perf_counter()

        options = RunOptions(polling=PollPolicy(shortest=2 * scale, longest=60 * scale), on_moves=count)
        started = time.perf_counter()
        await pay(path, dvs, folder, options)
        ended = time.perf_counter()
        return sending, dvs.traffic.requests, ended - started, ended - sent_at


def _number(row: int) -> str:
    """Return a different number for each of 27,000 rows, since payments to the same number are never concurrent."""
    return f"+659{row // 3 % 9000:04}{SUFFIXES[row % 3]}"


if __name__ == "__main__":
    main()
