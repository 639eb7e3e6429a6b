"""Measures how much of the rate limit a run uses while it submits, and how many of its requests are throttled.

    python benchmarks/rate.py [SECONDS]

Each scenario is a run with its own sandbox; those with up to 100 requests per second run at the same time. Allowed is
the limit times the time from the first creation to the last.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvloop
from figures import Figures, reached
from payments import pay, write_list
from processes import KEY, SECRET, sandbox

from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.engine import RunOptions

SECONDS = 60.0
AIM_USED, AIM_THROTTLED = 0.98, 0.001


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The conditions of a run."""

    #: Requests per second.
    limit: int
    #: Seconds from a request to its response.
    latency: float = 0.05
    #: Share of the limit that another client uses, evenly.
    other: float = 0.0
    #: Whether the limit is halved after half the time.
    is_halved: bool = False

    @property
    def name(self) -> str:
        """Its name in the table."""
        extra = ", another client uses a third" if self.other else ", halved halfway" if self.is_halved else ""
        return f"{self.limit}/s, responses after {self.latency:g} s{extra}"


#: The scenarios of a group run at the same time.
GROUPS = (
    (Scenario(limit=10), Scenario(limit=50), Scenario(limit=100, latency=1.0)),
    (Scenario(limit=100), Scenario(limit=100, other=1 / 3), Scenario(limit=100, is_halved=True)),
    (Scenario(limit=500),),
    (Scenario(limit=500, latency=1.0),),
)


@dataclass(kw_only=True)
class Measured:
    """The result of a scenario, from the first creation to the last."""

    allowed: float
    #: Requests that were served, including the other client's.
    used: int
    throttled: int
    requests: int
    #: CPU seconds of the run.
    cpu: float


def main() -> None:
    """Measure and print, or measure one scenario and print it as JSON."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(asdict(_measure(Scenario(**json.loads(sys.argv[2])), float(sys.argv[3])))))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    figures = Figures(
        title="Use of the rate limit",
        what=(
            f"Runs that submit for {seconds:.0f} s, with the default concurrency. The baseline is the limit itself. "
            "Allowed is the limit times the time from the first creation to the last, without the requests of the plan."
        ),
        packages=("httpx2",),
    )
    for group in GROUPS:
        started = [(scenario, _start(scenario, seconds)) for scenario in group]
        for scenario, process in started:
            _add_figures(figures, scenario, process)
    figures.show(
        "In the run whose limit is halved, the throttled requests were already in flight; the second that they have to "
        "wait counts as not used."
    )


def _start(scenario: Scenario, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, "--one", json.dumps(asdict(scenario)), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _add_figures(figures: Figures, scenario: Scenario, process: "subprocess.Popen[str]") -> None:
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{scenario.name} failed.")
    measured = Measured(**json.loads(output))
    used, throttled = measured.used / measured.allowed, measured.throttled / measured.requests
    figures.add(
        scenario.name,
        f"{100 * throttled:.2f} % throttled, {1000 * measured.cpu / measured.requests:.1f} ms of CPU per request",
        ratio=f"{100 * used:.1f} % of the allowed requests",
        aim=reached(used >= AIM_USED and throttled < AIM_THROTTLED, "98 % and under 0.1 %"),
    )


def _measure(scenario: Scenario, seconds: float) -> Measured:
    with (
        tempfile.TemporaryDirectory() as name,
        sandbox(time_scale=0.01, rate_limit=scenario.limit) as (base_url, _),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop,
    ):
        return loop.run(_run(scenario, seconds, base_url.removesuffix("/v1"), Path(name)))


async def _run(scenario: Scenario, seconds: float, address: str, folder: Path) -> Measured:
    share = (1 - scenario.other) * (0.75 if scenario.is_halved else 1)
    rows = int(scenario.limit * seconds * share)
    path = write_list(folder, (f"+659{row % 9000:04}{400 + row // 9000}" for row in range(rows)))
    async with (
        AsyncDVS(f"{address}/v1", KEY, SECRET, connections=1000) as dvs,
        httpx2.AsyncClient(auth=(KEY, SECRET)) as client,
    ):
        await client.put(f"{address}/sandbox/faults", json=[{"kind": "latency", "seconds": scenario.latency}])
        sent: list[float] = []
        created: list[float] = []
        _record_times(dvs, sent, created)
        others_sent: list[float] = []
        others = asyncio.create_task(_send_evenly(client, address, scenario.limit * scenario.other, others_sent))
        halved: list[float] = []
        halving = asyncio.create_task(_halve(client, address, scenario, seconds / 2, created, halved))
        await asyncio.sleep(2 if scenario.other else 0)
        before = time.process_time()
        await pay(path, dvs, folder, RunOptions())
        cpu = time.process_time() - before
        for task in (others, halving):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    first, last = created[0], created[-1]
    requests = sum(first <= at <= last for at in sent)
    allowed = scenario.limit * (last - first)
    if halved:
        allowed -= scenario.limit / 2 * (last - halved[0])
    return Measured(
        allowed=allowed,
        used=requests - dvs.traffic.throttled + sum(first <= at <= last for at in others_sent),
        throttled=dvs.traffic.throttled,
        requests=requests,
        cpu=cpu,
    )


def _record_times(dvs: AsyncDVS, sent: list[float], created: list[float]) -> None:
    """Record when requests are sent, and when transactions are created."""
    send, create = dvs.limiter.sent, dvs.transaction_outcomes.create_async

    def recorded_send() -> float:
        sent.append(time.monotonic())
        return send()

    async def recorded_create(*args: object, **kwargs: Any) -> TransactionOutcome:
        created.append(time.monotonic())
        return await create(*args, **kwargs)  # type: ignore[arg-type]

    dvs.limiter.sent = recorded_send  # type: ignore[method-assign]
    dvs.transaction_outcomes.create_async = recorded_create  # type: ignore[method-assign]


async def _send_evenly(client: httpx2.AsyncClient, address: str, rate: float, sent: list[float]) -> None:
    """Send requests of another client with the same credentials, and record when those that were served were sent."""
    if not rate:
        return
    started = time.monotonic()

    async def one() -> None:
        at = time.monotonic()
        if (await client.get(f"{address}/v1/balances")).status_code == 200:
            sent.append(at)

    async with asyncio.TaskGroup() as group:
        number = 0
        while True:
            await asyncio.sleep(started + number / rate - time.monotonic())
            group.create_task(one())
            number += 1


async def _halve(
    client: httpx2.AsyncClient,
    address: str,
    scenario: Scenario,
    after: float,
    created: list[float],
    halved: list[float],
) -> None:
    if not scenario.is_halved:
        return
    while not created:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.1)
    await asyncio.sleep(after)
    response = await client.put(f"{address}/sandbox/rate-limit", json={"limit": scenario.limit // 2})
    response.raise_for_status()
    halved.append(time.monotonic())


if __name__ == "__main__":
    main()
