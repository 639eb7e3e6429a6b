"""Measures what is asked before the first payment, beside the least time that the rate limit allows.

    python benchmarks/questions.py [--rate RATE] [--latency SECONDS] [--numbers NUMBERS] [--baseline COMMAND]

COMMAND is the `bulk-topup` of another version. Every command is a process of its own, and runs twice with one ledger:
the second time it should ask nothing. A relay counts and delays the requests. The catalogue is that of real size.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import phonenumbers
from figures import Figures, reached
from first_payment import Relay
from processes import KEY, SECRET, sandbox

RATE = 20
LATENCY = 0.3
NUMBERS = 5_000
#: Products of the template, and of the plan.
TEMPLATE, COLUMN = 100, 300
#: Countries of the numbers that are looked up.
REGIONS = ("BR", "CO", "EG", "GB", "GH", "ID", "IN", "KE", "MX", "NG", "PH", "PK")
#: How much longer than the least time a command may take, beside the seconds of its last answers and of its output.
AIM, REST = 1.05, 4.0
#: Most requests of a second start, which a plan sends for balances, and for what DVS has of the list.
AGAIN = 20
_OWN = str(Path(sys.executable).with_name("bulk-topup"))
_JOB = """
list = "numbers.csv"
run_key = "1"
columns = {reference = "reference"}
[auto_product]
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Took:
    """What one command took."""

    #: From its first request to its end, or from its start without a request.
    seconds: float
    requests: int
    #: CPU seconds of its own, the start included.
    cpu: float
    output: bytes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--latency", type=float, default=LATENCY)
    parser.add_argument("--numbers", type=int, default=NUMBERS)
    parser.add_argument("--baseline")
    arguments = parser.parse_args()
    is_real = b"--catalogue" in subprocess.run([_OWN, "sandbox", "--help"], stdout=subprocess.PIPE, check=True).stdout
    figures = Figures(
        title="Questions before the first payment",
        what=(
            f"Commands against a sandbox with {'20,000' if is_real else 'few'} products, {arguments.rate} requests a "
            f"second and {arguments.latency:g} s for each request. The least time is that of the requests at the rate."
        ),
        packages=("aiohttp", "polars"),
    )
    options = ("--catalogue", "real-size") if is_real else ()
    with tempfile.TemporaryDirectory() as name, sandbox(rate_limit=arguments.rate, options=options) as (base_url, _):
        port = int(base_url.split(":")[2].split("/")[0])
        folder = Path(name)
        found = _add(figures, "products", ("products", "--json"), folder, port, arguments)
        ids = [product["id"] for product in json.loads(found.output)]
        _add(figures, "products as a table", ("products",), folder, port, arguments)
        chosen = [word for id_ in ids[:TEMPLATE] for word in ("--product", str(id_))]
        what = f"template of {min(TEMPLATE, len(ids))} products"
        _add(figures, what, ("template", *chosen, "--force", "--output", "t.xlsx", "--json"), folder, port, arguments)
        column = ids[-COLUMN:]
        lines = (f"E-{row},+65951{23000 + row:05},5,{id_}" for row, id_ in enumerate(column))
        _write(folder / "column.csv", "reference,phone,amount,product_id", lines)
        _add(figures, f"plan with {len(column)} products", ("plan", "column.csv"), folder, port, arguments)
        numbers = enumerate(_numbers(arguments.numbers))
        _write(folder / "numbers.csv", "reference,phone,amount", (f"E-{row},{number},5" for row, number in numbers))
        (folder / "numbers.toml").write_text(_JOB, encoding="utf-8")
        what = f"plan that chooses the products of {arguments.numbers:,} numbers"
        _add(figures, what, ("plan", "numbers.toml"), folder, port, arguments)
    figures.show()


def _add(
    figures: Figures, what: str, words: tuple[str, ...], folder: Path, port: int, arguments: argparse.Namespace
) -> Took:
    """Measure a command twice with a new ledger, and add the figures; return the first."""
    if arguments.baseline:
        [earlier] = asyncio.run(_run([arguments.baseline], words, folder, port, arguments.latency))
        figures.add(f"baseline: the earlier version, {what}", _format(earlier))
    first, again = asyncio.run(_run([_OWN, _OWN], words, folder, port, arguments.latency))
    least = first.requests / arguments.rate
    figures.add(f"baseline: {first.requests:,} requests at {arguments.rate} a second", f"{least:.1f} s")
    allowed = AIM * least + REST
    ratio = f"{first.seconds / least:.2f} times" if least else ""
    figures.add(what, _format(first), ratio=ratio, aim=reached(first.seconds <= allowed, f"{allowed:.1f} s"))
    figures.add(f"{what}, again", _format(again), aim=reached(again.requests <= AGAIN, f"{AGAIN} requests"))
    return first


async def _run(commands: list[str], words: tuple[str, ...], folder: Path, port: int, latency: float) -> list[Took]:
    """Run commands one after the other at one address, with one new ledger."""
    relay = Relay(port, latency)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    with tempfile.TemporaryDirectory() as name:
        ledger = str(Path(name) / "ledger.db")
        took = [await _once(command, words, folder, relay, address, ledger) for command in commands]
    server.close()
    return took


async def _once(command: str, words: tuple[str, ...], folder: Path, relay: Relay, address: str, ledger: str) -> Took:
    relay.requests.clear()
    started, cpu = time.perf_counter(), _cpu_of_commands()
    process = await asyncio.create_subprocess_exec(
        *(command, *words, "--env", "preprod", "--base-url", address, "--ledger", ledger),
        env={**os.environ, "DVS_API_KEY": KEY, "DVS_API_SECRET": SECRET},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    seconds = time.perf_counter() - (relay.requests[0][0] if relay.requests else started)
    assert process.returncode in {0, 3}, process.returncode  # rows without a product are refused
    cpu = _cpu_of_commands() - cpu
    return Took(seconds=seconds, requests=len(relay.requests), cpu=cpu, output=output)


def _cpu_of_commands() -> float:
    """Return the CPU seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _numbers(count: int) -> Iterable[str]:
    """Yield mobile numbers of several countries, which their numbering plans have."""
    for index in range(count):
        region = REGIONS[index % len(REGIONS)]
        example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        yield f"{digits[:-4]}{1400 + index // len(REGIONS):04}"


def _write(path: Path, header: str, lines: Iterable[str]) -> None:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def _format(took: Took) -> str:
    return f"{took.seconds:.1f} s, {took.requests:,} requests, {took.cpu:.1f} s of CPU"


if __name__ == "__main__":
    main()
