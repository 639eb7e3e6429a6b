"""How much of the allowed rate a run uses while it submits, and how many of its requests are answered 429.

    python benchmarks/rate.py [SECONDS]

Each scenario is a run of its own against a sandbox of its own, from its plan on; those with up to 100 requests a second
run side by side. Allowed is the limit times the time from the first creation to the last.
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
from paying import pay, write_list
from processes import KEY, SECRET, sandbox

from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.engine import RunOptions

SECONDS = 60.0
AIM_USED, AIM_THROTTLED = 0.98, 0.001


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What a run meets."""

    #: Requests a second.
    limit: int
    #: Seconds from a request to its answer.
    latency: float = 0.05
    #: What another client takes of the limit, evenly.
    other: float = 0.0
    #: Whether the limit is halved in the middle.
    is_halved: bool = False

    @property
    def name(self) -> str:
        """What it is called in the table."""
        extra = ", another client takes a third" if self.other else ", halved in the middle" if self.is_halved else ""
        return f"{self.limit}/s, answers after {self.latency:g} s{extra}"


#: Those of a group run side by side.
GROUPS = (
    (Scenario(limit=10), Scenario(limit=50), Scenario(limit=100, latency=1.0)),
    (Scenario(limit=100), Scenario(limit=100, other=1 / 3), Scenario(limit=100, is_halved=True)),
    (Scenario(limit=500),),
    (Scenario(limit=500, latency=1.0),),
)


@dataclass(kw_only=True)
class Measured:
    """What came of a scenario, from the first creation to the last."""

    allowed: float
    #: Requests that were served, the other client's too.
    used: int
    throttled: int
    requests: int
    #: Seconds of processor that the run took.
    processor: float


def main() -> None:
    """Measure and print, or measure one scenario for the process that asked."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(asdict(_measure(Scenario(**json.loads(sys.argv[2])), float(sys.argv[3])))))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    figures = Figures(
        title="Use of the allowed rate",
        what=(
            f"Runs that submit for {seconds:.0f} s, concurrency not stated. The baseline is the limit itself. Allowed "
            "is the limit times the time from the first creation to the last; the plan's requests come before it."
        ),
        packages=("httpx2",),
    )
    for group in GROUPS:
        started = [(scenario, _start(scenario, seconds)) for scenario in group]
        for scenario, process in started:
            _tell(figures, scenario, process)
    figures.show(
        "Of the run whose limit is halved, the answers 429 are those to requests that were on their way already, and "
        "the wait of a second that they ask for counts as not used."
    )


def _start(scenario: Scenario, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, "--one", json.dumps(asdict(scenario)), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _tell(figures: Figures, scenario: Scenario, process: "subprocess.Popen[str]") -> None:
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{scenario.name} failed.")
    measured = Measured(**json.loads(output))
    used, throttled = measured.used / measured.allowed, measured.throttled / measured.requests
    figures.add(
        scenario.name,
        f"{100 * throttled:.2f} % answered 429, {1000 * measured.processor / measured.requests:.1f} ms of processor",
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
        _watch(dvs, sent, created)
        taken: list[float] = []
        others = asyncio.create_task(_take_evenly(client, address, scenario.limit * scenario.other, taken))
        halved: list[float] = []
        halving = asyncio.create_task(_halve(client, address, scenario, seconds / 2, created, halved))
        await asyncio.sleep(2 if scenario.other else 0)
        before = time.process_time()
        await pay(path, dvs, folder, RunOptions())
        processor = time.process_time() - before
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
        used=requests - dvs.traffic.throttled + sum(first <= at <= last for at in taken),
        throttled=dvs.traffic.throttled,
        requests=requests,
        processor=processor,
    )


def _watch(dvs: AsyncDVS, sent: list[float], created: list[float]) -> None:
    """Note when requests leave, and when those do that create."""
    leave, create = dvs.limiter.sent, dvs.transaction_outcomes.create_async

    def leaves() -> float:
        sent.append(time.monotonic())
        return leave()

    async def creates(*args: object, **kwargs: Any) -> TransactionOutcome:
        created.append(time.monotonic())
        return await create(*args, **kwargs)  # type: ignore[arg-type]

    dvs.limiter.sent = leaves  # type: ignore[method-assign]
    dvs.transaction_outcomes.create_async = creates  # type: ignore[method-assign]


async def _take_evenly(client: httpx2.AsyncClient, address: str, rate: float, taken: list[float]) -> None:
    """Be another client of the same key pair, and note when its requests that were served had left."""
    if not rate:
        return
    began = time.monotonic()

    async def one() -> None:
        at = time.monotonic()
        if (await client.get(f"{address}/v1/balances")).status_code == 200:
            taken.append(at)

    async with asyncio.TaskGroup() as group:
        number = 0
        while True:
            await asyncio.sleep(began + number / rate - time.monotonic())
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
    while not created:  # noqa: ASYNC110 - what is watched has no event
        await asyncio.sleep(0.1)
    await asyncio.sleep(after)
    answer = await client.put(f"{address}/sandbox/rate-limit", json={"limit": scenario.limit // 2})
    answer.raise_for_status()
    halved.append(time.monotonic())


if __name__ == "__main__":
    main()
