"""Measures what a start does before its first payment, compared with another installed version.

    python benchmarks/first_payment.py [--baseline COMMAND] [--rows ROWS] [--starts STARTS] [--latency SECONDS]

COMMAND is the `bulk-topup` of the other version; without it, only lists that are looked up are compared with others.
Every start is a process of its own with a new ledger that pays in preprod, through a relay that counts its requests and
delays each.
"""

import argparse
import asyncio
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from figures import Figures, reached
from processes import KEY, SECRET, sandbox

ROWS = 1_000
STARTS = 5
LATENCY = 0.3
#: The sandbox's limit in requests per second, and how much slower a start may be.
RATE_LIMIT = 100
AIM = 1.05
_REQUEST = re.compile(rb"(GET|POST) /v1(/\S*) HTTP/1.1\r\n")


@dataclass(slots=True)
class Relay:
    """Passes requests on after a delay, and records them; responses are passed on at once."""

    to_port: int
    delay: float
    requests: list[tuple[float, bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the client."""
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        with suppress(ConnectionError):
            await asyncio.gather(self._forward(reader, back_writer), _copy(back_reader, writer))
        back_writer.close()
        writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if found := _REQUEST.match(data):
                self.requests.append((time.perf_counter(), found[1]))
            await asyncio.sleep(self.delay)
            writer.write(data)
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """What one start took."""

    #: CPU seconds of the whole run.
    cpu: float
    #: Seconds from the start, and from the first request, until the first payment was sent; and requests before it.
    seconds: float
    waiting: float
    requests: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A kind of list."""

    what: str
    reference: Callable[[int], str]


CASES = (
    Case(what="references of digits", reference=lambda row: f"{100_000 + row}"),
    Case(what="references with letters", reference=lambda row: f"E-{100_000 + row}"),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--baseline")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--latency", type=float, default=LATENCY)
    arguments = parser.parse_args()
    own = str(Path(sys.executable).with_name("bulk-topup"))
    figures = Figures(
        title="Before the first payment",
        what=(
            f"Runs of {arguments.rows:,} rows in preprod, each with a new ledger, {RATE_LIMIT} requests a second, and "
            f"{arguments.latency:g} s for each request. CPU is that of the whole run, the least of {arguments.starts} "
            "starts; so are the times."
        ),
        packages=("aiohttp", "polars"),
    )
    base: Start | None = None
    for case in CASES:
        earlier: list[Start] = []
        now: list[Start] = []
        with tempfile.TemporaryDirectory() as name, sandbox(rate_limit=RATE_LIMIT) as (base_url, _):
            folder = Path(name)
            port = int(base_url.split(":")[2].split("/")[0])
            for number in range(arguments.starts):
                if arguments.baseline:
                    path = _write(case, arguments.rows, 2 * number, folder)
                    earlier.append(asyncio.run(_start(arguments.baseline, path, port, arguments.latency)))
                path = _write(case, arguments.rows, 2 * number + 1, folder)
                now.append(asyncio.run(_start(own, path, port, arguments.latency)))
        if earlier:
            base = _best(earlier)
            figures.add(f"baseline: the earlier version, {case.what}", _format(base))
        best = _best(now)
        figures.add(case.what, _format(best), ratio=_ratio(best, base), aim=_aim(best, base))
        base = base or best
    figures.show()


def _write(case: Case, rows: int, number: int, folder: Path) -> Path:
    """Write a list whose people no other start pays, and return its path."""
    path = folder / f"list-{number}.csv"
    first = 2000 + number * -(-rows // 600)
    lines = (f"{case.reference(row)},+659{first + row // 600:04}{400 + row % 600},1\n" for row in range(rows))
    path.write_text("reference,phone,amount\n" + "".join(lines), encoding="utf-8")
    return path


async def _start(command: str, path: Path, port: int, latency: float) -> Start:
    """Pay a list, and return what that took."""
    relay = Relay(port, latency)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    environment = {**os.environ, "DVS_API_KEY": KEY, "DVS_API_SECRET": SECRET}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # all starts but the first find compiled modules, as users' do
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    with tempfile.TemporaryDirectory() as name:
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(command, "run", str(path), "--product", "6418", "--env", "preprod", "--base-url", address, "--yes"),
            *("--ledger", str(Path(name) / "ledger.db"), "--report-dir", name, "--format", "csv", "--quiet"),
            env=environment,
        )
        code = await process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert code == 0, code
    server.close()
    methods = [method for _, method in relay.requests]
    first = methods.index(b"POST")
    return Start(
        cpu=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        seconds=relay.requests[first][0] - started,
        waiting=relay.requests[first][0] - relay.requests[0][0],
        requests=first,
    )


def _best(starts: list[Start]) -> Start:
    return Start(
        cpu=min(each.cpu for each in starts),
        seconds=min(each.seconds for each in starts),
        waiting=min(each.waiting for each in starts),
        requests=max(each.requests for each in starts),
    )


def _format(start: Start) -> str:
    return (
        f"{start.cpu:.2f} s of CPU; {start.seconds:.2f} s until the first payment, {start.waiting:.2f} s of them since "
        f"the first of {start.requests} requests before it"
    )


def _ratio(start: Start, base: Start | None) -> str:
    if base is None:
        return ""
    return (
        f"{start.cpu / base.cpu:.2f} of the CPU, {start.seconds / base.seconds:.2f} of the time, "
        f"{start.waiting / base.waiting:.2f} of that since the first request"
    )


def _aim(start: Start, base: Start | None) -> str:
    return "" if base is None else reached(start.seconds <= AIM * base.seconds, "5 % slower or less")


if __name__ == "__main__":
    main()
