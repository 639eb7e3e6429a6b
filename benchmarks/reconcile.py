"""Measures `reconcile` on an account that other programs use, beside the least time that the rate limit allows.

    python benchmarks/reconcile.py [--transactions NUMBER] [--rate RATE] [--latency SECONDS] [--baseline COMMAND]

COMMAND is the `bulk-topup` of another version. Another program has created transactions during the last day, and a list
of 100 rows is paid beside them; then the last 24 hours are compared, and the run alone. Every command is a process of
its own. The least time is that of the requests at the rate.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path

import msgspec
from figures import Figures, reached
from first_payment import Relay
from processes import KEY, SECRET, sandbox
from pydantic import SecretStr

from bulk_topup.dvs.field_limits import PER_PAGE_MAX
from bulk_topup.sandbox import SandboxConfig
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.requests import CreateRequest

TRANSACTIONS = 20_000
RATE = 20
LATENCY = 0.3
ROWS = 100
#: How much longer than the least time a comparison may take, beside the seconds of its last answers and of its end.
AIM, REST = 1.10, 2.0
#: How much more memory than a tenth of the transactions all of them may take.
MEMORY_AIM = 1.10
_OWN = str(Path(sys.executable).with_name("bulk-topup"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What one comparison took, and found."""

    #: From its first request to its end.
    seconds: float
    requests: int
    #: Its peak of resident memory in MB.
    memory: float
    code: int
    others: int


@dataclass
class _Past:
    """A clock that goes from a day ago until now while transactions are created."""

    moment: datetime
    step: timedelta

    def now(self) -> datetime:
        self.moment += self.step
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--transactions", type=int, default=TRANSACTIONS)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--latency", type=float, default=LATENCY)
    parser.add_argument("--baseline")
    arguments = parser.parse_args()
    figures = Figures(
        title="Reconcile on a shared account",
        what=(
            f"Another program has created {arguments.transactions:,} transactions during the last day, and a run "
            f"{ROWS}; {arguments.rate} requests a second and {arguments.latency:g} s for each. The least time is that "
            "of the requests at the rate."
        ),
        packages=("aiohttp",),
    )
    fewer, _ = _measure(figures, arguments.transactions // 10, arguments, is_shown=False)
    memory = _measure(figures, arguments.transactions, arguments)[0].memory
    what = f"memory, beside that of {arguments.transactions // 10:,} transactions"
    ratio = memory / fewer.memory
    aim = reached(ratio <= MEMORY_AIM, f"{MEMORY_AIM} times")
    figures.add(what, f"{memory:.0f} MB", ratio=f"{ratio:.2f} times", aim=aim)
    figures.show()


def _measure(
    figures: Figures, number: int, arguments: argparse.Namespace, *, is_shown: bool = True
) -> tuple[Compared, Compared]:
    """Measure with that many transactions of others; return what the day's comparison and the run's took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create_others(folder / "books.jsonl", number)
        _write_list(folder / "pay.csv")
        options = ("--books", str(folder / "books.jsonl"))
        with sandbox(rate_limit=arguments.rate, options=options) as (base_url, _):
            port = int(base_url.split(":")[2].split("/")[0])
            words = ("run", "pay.csv", "--product", "6418", "--yes", "--format", "csv", "--report-dir", "report")
            asyncio.run(_run(_OWN, words, folder, port, 0))
            if arguments.baseline and is_shown:
                earlier = asyncio.run(
                    _run(arguments.baseline, ("reconcile", "--json"), folder, port, arguments.latency)
                )
                figures.add("baseline: the earlier version, the last 24 hours", _format(earlier))
            day, run = (
                asyncio.run(_run(_OWN, (*words, "--json"), folder, port, arguments.latency))
                for words in (("reconcile",), ("reconcile", "list/pay"))
            )
    if is_shown:
        for what, found in (("the last 24 hours", day), ("the run alone", run)):
            least = found.requests / arguments.rate
            figures.add(f"baseline: {found.requests:,} requests at {arguments.rate} a second", f"{least:.1f} s")
            aim = reached(found.seconds <= AIM * least + REST, f"{AIM * least + REST:.1f} s")
            figures.add(what, _format(found), ratio=f"{found.seconds / least:.2f} times", aim=aim)
        pages = ceil((number + ROWS) / PER_PAGE_MAX)
        figures.add("requests for each page of 100 transactions", f"{day.requests / pages:.3f}")
    assert day.code == run.code == 0, (day.code, run.code)
    return day, run


def create_others(path: Path, number: int) -> None:
    """Write a sandbox's books in which another program has created so many transactions during the last day."""
    clock = _Past(datetime.now(UTC) - timedelta(hours=23, minutes=50), timedelta(hours=23, minutes=30) / (2 * number))
    balances = {"USD": Decimal(1_000_000_000), "EUR": Decimal(1_000_000)}
    config = SandboxConfig(api_key=KEY, api_secret=SecretStr(SECRET), balances=balances, books=path, time_scale=0.001)
    provider = Provider(config, clock)
    for index in range(number):
        provider.create(
            msgspec.convert(
                {
                    "external_id": f"shop-{index:07}",
                    "product_id": 6418,
                    "auto_confirm": True,
                    "calculation_mode": "DESTINATION_AMOUNT",
                    "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 2},
                    "credit_party_identifier": {"mobile_number": f"+659512{index % 90 + 3400:04}"},
                },
                CreateRequest,
            )
        )
    provider.close()


def _write_list(path: Path) -> None:
    lines = (f"E-{row},+6595123{400 + row},5\n" for row in range(ROWS))
    path.write_text("reference,phone,amount\n" + "".join(lines), encoding="utf-8")


async def _run(command: str, words: tuple[str, ...], folder: Path, port: int, latency: float) -> Compared:
    relay = Relay(port, latency)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    process = await asyncio.create_subprocess_exec(
        *(command, *words, "--env", "preprod", "--base-url", address, "--ledger", "ledger.db", "--same-account"),
        env={**os.environ, "DVS_API_KEY": KEY, "DVS_API_SECRET": SECRET},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    peak = asyncio.create_task(_peak_memory(process, Path(f"/proc/{process.pid}/status")))
    output, _ = await process.communicate()
    seconds = time.perf_counter() - relay.requests[0][0]
    server.close()
    code = process.returncode or 0
    found = json.loads(output) if "--json" in words else {}
    others = found.get("other_programs", {}).get("transactions", 0)
    return Compared(seconds=seconds, requests=len(relay.requests), memory=await peak, code=code, others=others)


async def _peak_memory(process: asyncio.subprocess.Process, status: Path) -> float:
    """Return the most resident memory of a process in MB, as its status states it until it ends."""
    peak = 0
    while process.returncode is None:
        with suppress(OSError):
            lines = (await asyncio.to_thread(status.read_text, "ascii")).splitlines()
            peak = max([peak, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))])
        await asyncio.sleep(0.1)
    return peak / 1024


def _format(found: Compared) -> str:
    return f"{found.seconds:.1f} s, {found.requests:,} requests, exit code {found.code}"


if __name__ == "__main__":
    main()
