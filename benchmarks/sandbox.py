"""How fast the sandbox is on one core: created and tracked transactions a second, each kind of request, memory.

Run: .venv/bin/python benchmarks/sandbox.py [TRANSACTIONS]

The server has one core to itself and the load comes from the other. The load is written and read as bare bytes,
pipelined, so that the sandbox is what is measured. The baseline is an empty starlette application on the same uvicorn.
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
from processes import busy, resident, served

TRANSACTIONS = 20_000
#: The bound of the whole measurement, in seconds.
LONGEST = 240
CONNECTIONS = 16
#: Requests that are on their way on one connection.
DEPTH = 8
PER_PAGE = 100
#: What the sandbox has to do for a benchmark of a run to measure the run: several thousand a second.
AIM = 3_000
#: Of the kinds of request that are only priced.
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
            f"{count:,} transactions, {CONNECTIONS} connections, {DEPTH} requests on their way on each; server and "
            f"load have {'one core together, so that the figures are too low' if len(cores) == 1 else 'a core each'}."
        ),
        packages=("uvicorn", "uvloop", "httptools", "starlette", "msgspec"),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(asyncio.wait_for(_measure(figures, count, cores[-1]), LONGEST))
    figures.show()


async def _measure(figures: Figures, count: int, core: int) -> None:
    creates = [_create(number) for number in range(count)]
    with _server([sys.executable, "-c", EMPTY], core) as empty:
        await _measured(figures, "baseline: an empty starlette application, POST", empty, creates)
        await _measured(figures, "baseline: an empty starlette application, GET", empty, [_get("/balances")] * count)
    with _server(SANDBOX, core) as sandbox:
        before = sandbox.memory()
        began = time.time()
        creating = await _measured(figures, "sandbox: create", sandbox, creates)
        grown = sandbox.memory() - before
        dates = f"from_date={_date(began - 1)}&to_date={_date(time.time() + 1)}"
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
        f"{rate:,.0f} a second, {both.rate(count, cpu=True):,.0f} by processor time",
        aim=reached(rate >= AIM, f"{AIM:,} a second or more"),
    )
    figures.add("memory", f"{grown / count:,.0f} bytes a transaction, {before / 2**20:.0f} MiB before")


@dataclass(frozen=True, kw_only=True)
class _Spent:
    """Seconds that something took."""

    wall: float
    #: Of the server's processor; tells more where something else runs on the same core.
    cpu: float

    def __add__(self, other: "_Spent") -> "_Spent":
        return _Spent(wall=self.wall + other.wall, cpu=self.cpu + other.cpu)

    def rate(self, count: int, *, cpu: bool = False) -> float:
        """Give how many of so many were done in a second."""
        return count / (self.cpu if cpu else self.wall)


async def _measured(figures: Figures, what: str, server: "_Server", requests: list[bytes]) -> _Spent:
    """Send requests and note what they took."""
    before = server.cpu()
    wall = await _timed(server.port, requests)
    spent = _Spent(wall=wall, cpu=server.cpu() - before)
    count = len(requests)
    figures.add(what, f"{spent.rate(count):,.0f} requests/s, {1e6 * spent.cpu / count:,.0f} µs of processor each")
    return spent


def _create(number: int) -> bytes:
    body = json.dumps(
        {
            "external_id": f"bench-{number}",
            "product_id": 6418,
            "calculation_mode": "DESTINATION_AMOUNT",
            "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 1 + number % 50},
            "auto_confirm": True,
            # The API's example range, without the endings that decline.
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
    """Give the seconds that the requests take, answers included."""
    waiting = iter(requests)
    streams = [await asyncio.open_connection("127.0.0.1", port, limit=2**20) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    await asyncio.gather(*(_pump(reader, writer, waiting) for reader, writer in streams))
    seconds = time.perf_counter() - began
    for _, writer in streams:
        writer.close()
    return seconds


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: Iterator[bytes]) -> None:
    """Keep so many requests on their way as the depth allows: one more is sent for each answer."""
    on_their_way = 0
    for request in waiting:
        writer.write(request)
        on_their_way += 1
        if on_their_way == DEPTH:
            await _answer(reader)
            on_their_way -= 1
    for _ in range(on_their_way):
        await _answer(reader)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 20"), head
    place = head.lower().index(b"content-length:") + 15
    return await reader.readexactly(int(head[place : head.index(b"\r", place)]))


async def _one(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(request)
    answer = await _answer(reader)
    writer.close()
    return answer


class _Server:
    """A process that serves, and how much memory it has."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self._process = process
        self.port = port

    def cpu(self) -> float:
        """Give the seconds of processor time that it has used."""
        return busy(self._process.pid)

    def memory(self) -> int:
        """Give its resident memory in bytes."""
        return resident(self._process.pid)


@contextmanager
def _server(command: Iterable[str], core: int) -> Iterator[_Server]:
    with served(command, core=core) as (process, port):
        yield _Server(process, port)


if __name__ == "__main__":
    main()
