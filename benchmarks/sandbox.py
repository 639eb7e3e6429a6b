"""Measures the sandbox on one core: created and listed transactions per second, each kind of request, memory.

Run: .venv/bin/python benchmarks/sandbox.py [TRANSACTIONS]

The server has one core, and the load comes from the other. The load is bare bytes, pipelined, so that only the sandbox
is measured. The baseline is an empty starlette application on the same uvicorn.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from figures import Figures, reached
from processes import cpu_seconds, resident_memory, served

TRANSACTIONS = 20_000
#: Maximum seconds of the whole measurement.
TIMEOUT = 240
CONNECTIONS = 16
#: Requests in flight per connection.
DEPTH = 8
PER_PAGE = 100
#: Transactions per second that the sandbox must reach, so that benchmarks of runs measure the runs.
AIM = 3_000
#: Requests of the kinds that have no aim.
FEWER = 5_000
CREDENTIALS = b64encode(b"benchmark:benchmark").decode()
SANDBOX = (
    str(Path(sys.executable).with_name("bulk-topup")), "sandbox", "--rate-limit", "0", "--time-scale", "0.001",
    "--balance", "USD=1000000000", "--api-key", "benchmark", "--api-secret", "benchmark",
)  # fmt: skip
EMPTY = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def answer(request):
    await request.body()
    return Response(b"{}", media_type="application/json")
app = Starlette(routes=[Route("/v1/{path:path}", answer, methods=["GET", "POST"])])
uvicorn.run(app, port=int(sys.argv[2]), loop="uvloop", http="httptools", log_level="error", access_log=False)
"""


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TRANSACTIONS
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    figures = Figures(
        title="The sandbox",
        what=(
            f"{count:,} transactions, {CONNECTIONS} connections, {DEPTH} requests in flight on each; server and "
            f"load have {'the same core, so the figures are too low' if len(cores) == 1 else 'a core each'}."
        ),
        packages=("uvicorn", "uvloop", "httptools", "starlette", "msgspec"),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(asyncio.wait_for(_measure(figures, count, cores[-1]), TIMEOUT))
    figures.show()


async def _measure(figures: Figures, count: int, core: int) -> None:
    creates = [_create(number) for number in range(count)]
    with _server([sys.executable, "-c", EMPTY], core) as empty:
        await _measured(figures, "baseline: an empty starlette application, POST", empty, creates)
        await _measured(figures, "baseline: an empty starlette application, GET", empty, [_get("/balances")] * count)
    with _server(SANDBOX, core) as sandbox:
        before = sandbox.memory()
        started = time.time()
        creating = await _measured(figures, "sandbox: create", sandbox, creates)
        grown = sandbox.memory() - before
        dates = f"from_date={_date(started - 1)}&to_date={_date(time.time() + 1)}"
        pages = -(-count // PER_PAGE)
        sweep = [_get(f"/transactions?{dates}&per_page={PER_PAGE}&page={page + 1}") for page in range(pages)]
        first = json.loads(await _one(sandbox.port, sweep[0]))[0]
        sweeping = await _measured(figures, f"sandbox: list sweep, a page of {PER_PAGE}", sandbox, sweep)
        for what, path in (
            ("a transaction", f"/transactions/{first['id']}"),
            ("an external id", f"/transactions?external_id={first['external_id']}"),
            ("balances", "/balances"),
            ("a product", "/products/6418"),
            ("all products, one page", f"/products?per_page={PER_PAGE}"),
        ):
            await _measured(figures, f"sandbox: get {what}", sandbox, [_get(path)] * min(count, FEWER))
    both = creating + sweeping
    rate = both.rate(count)
    figures.add(
        "transactions created and then listed",
        f"{rate:,.0f} per second, {both.rate(count, cpu=True):,.0f} by CPU time",
        aim=reached(rate >= AIM, f"{AIM:,} per second or more"),
    )
    figures.add("memory", f"{grown / count:,.0f} bytes per transaction, {before / 2**20:.0f} MiB before")


@dataclass(frozen=True, kw_only=True)
class _Spent:
    """Seconds that something took."""

    wall: float
    #: CPU seconds of the server, which matter more if something else runs on the same core.
    cpu: float

    def __add__(self, other: "_Spent") -> "_Spent":
        return _Spent(wall=self.wall + other.wall, cpu=self.cpu + other.cpu)

    def rate(self, count: int, *, cpu: bool = False) -> float:
        """Return how many of `count` were done per second."""
        return count / (self.cpu if cpu else self.wall)


async def _measured(figures: Figures, what: str, server: "_Server", requests: list[bytes]) -> _Spent:
    """Send requests, and return what they took."""
    before = server.cpu()
    wall = await _timed(server.port, requests)
    spent = _Spent(wall=wall, cpu=server.cpu() - before)
    count = len(requests)
    figures.add(what, f"{spent.rate(count):,.0f} requests/s, {1e6 * spent.cpu / count:,.0f} µs of CPU each")
    return spent


def _create(number: int) -> bytes:
    body = json.dumps(
        {
            "external_id": f"bench-{number}",
            "product_id": 6418,
            "calculation_mode": "DESTINATION_AMOUNT",
            "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 1 + number % 50},
            "auto_confirm": True,
            # The example range of the API, without suffixes that decline.
            "credit_party_identifier": {"mobile_number": f"+6595123{400 + number % 600}"},
        }
    )
    return (
        f"POST /v1/async/transactions HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Basic {CREDENTIALS}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _get(path: str) -> bytes:
    return f"GET /v1{path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Basic {CREDENTIALS}\r\n\r\n".encode()


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


async def _timed(port: int, requests: list[bytes]) -> float:
    """Return the seconds from the first request to the last response."""
    waiting = iter(requests)
    streams = [await asyncio.open_connection("127.0.0.1", port, limit=2**20) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    await asyncio.gather(*(_pump(reader, writer, waiting) for reader, writer in streams))
    seconds = time.perf_counter() - started
    for _, writer in streams:
        writer.close()
    return seconds


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: Iterator[bytes]) -> None:
    """Keep DEPTH requests in flight: send one more for each response."""
    in_flight = 0
    for request in waiting:
        writer.write(request)
        in_flight += 1
        if in_flight == DEPTH:
            await _read_response(reader)
            in_flight -= 1
    for _ in range(in_flight):
        await _read_response(reader)


async def _read_response(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 20"), head
    start = head.lower().index(b"content-length:") + 15
    return await reader.readexactly(int(head[start : head.index(b"\r", start)]))


async def _one(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(request)
    response = await _read_response(reader)
    writer.close()
    return response


class _Server:
    """A server process."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self._process = process
        self.port = port

    def cpu(self) -> float:
        """Return the CPU seconds that it has used."""
        return cpu_seconds(self._process.pid)

    def memory(self) -> int:
        """Return its resident memory in bytes."""
        return resident_memory(self._process.pid)


@contextmanager
def _server(command: Iterable[str], core: int) -> Iterator[_Server]:
    with served(command, core=core) as (process, port):
        yield _Server(process, port)


if __name__ == "__main__":
    main()
