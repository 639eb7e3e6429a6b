"""Whole runs over a network that fails as it is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import FinishedRun, run_list
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.engine import CircuitPolicy, PollPolicy, Runner, RunOptions
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock, SystemClock
from tests.helpers.dvs_values import attempt, transaction

__all__ = ["attempt", "transaction"]


@dataclass
class Network:
    """A connection to the provider that can be made to fail: it passes requests on, and asks `rule` about each."""

    host: str
    port: int
    #: Gets the number of the request (from 1), its first line and its body; says what happens to it.
    rule: Callable[[int, str, bytes], str | tuple[int, bytes]] = lambda _number, _line, _body: "pass"
    seen: list[tuple[str, bytes]] = field(default_factory=list)
    address: str = ""
    #: Requests of each method, and questions for lists (`GET?`), that were on their way at once, at most.
    most: Counter[str] = field(default_factory=Counter)
    _now: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request, body = await _message(reader)
                line = request.split(b"\r\n", 1)[0].decode()
                self.seen.append((line, body))
                fate = self.rule(len(self.seen), line, body)
                if fate == "lose":  # the provider never sees it
                    break
                if isinstance(fate, tuple):  # somebody else answers
                    status, content = fate
                    writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
                    continue
                kind = line.split()[0] + ("?" if "?" in line else "")
                self._now[kind] += 1
                self.most[kind] = max(self.most[kind], self._now[kind])
                answer = await self._ask(request + body)
                self._now[kind] -= 1
                if fate == "hang up":  # the provider took it, and its answer is lost
                    break
                if fate == "half":
                    writer.write(answer[: len(answer) // 2])
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(request)
        head, body = await _message(reader)
        writer.close()
        return head + body


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = [line.split(b":", 1) for line in head.lower().split(b"\r\n") if b":" in line]
    length = next((int(value) for name, value in fields if name == b"content-length"), 0)
    return head, await reader.readexactly(length)


@pytest.fixture
async def network(sandbox: Any) -> AsyncIterator[Network]:
    """A way to the sandbox that fails as it is told."""
    parts = urlsplit(sandbox.base_url)
    made = Network(host=str(parts.hostname), port=parts.port or 0)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield made
    server.close()


class Onlooker:
    """Looks on; gives the runner to whoever wants to stop it."""

    runner: Runner | None = None
    prepared_as: Prepared | None = None

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        del job, run
        self.prepared_as = prepared

    def confirm(self, run_name: str, rows: int) -> None:
        del run_name, rows

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        del run
        self.runner = runner
        yield


@pytest.fixture
def onlooker() -> Onlooker:
    return Onlooker()


@pytest.fixture
def cheaper(sandbox: Any, credentials: tuple[str, str]) -> Callable[[float], Callable[[int, str, bytes], Any]]:
    """Give a function that makes a rule by which the plan sees the product cheaper, so many times, than it is."""

    def make(factor: float) -> Callable[[int, str, bytes], Any]:
        url = f"{sandbox.base_url}/products/6418"
        product = httpx2.get(url, auth=credentials).json()
        product["rates"] = {name: float(rate) * factor for name, rate in product["rates"].items()}
        content = httpx2.Request("PUT", url, json=product).content
        return lambda _number, line, _body: (200, content) if line.startswith("GET /v1/products/") else "pass"

    return make


@pytest.fixture
def pay(
    network: Network, tmp_path: Path, credentials: tuple[str, str], onlooker: Onlooker
) -> Callable[..., Awaitable[tuple[FinishedRun, list[Outcome]]]]:
    """Give a function that pays a list of so many rows through the failing network, and gives each row's outcome."""

    async def start(
        rows: int = 5,
        *,
        text: str = "",
        header: str = "reference,phone,amount",
        retries: RetryPolicy | None = None,
        circuit: CircuitPolicy | None = None,
        timeout: float = 2,  # noqa: ASYNC109 - the client's
        rate: float = 10_000,
        clock: Clock | None = None,
        **stated: Any,
    ) -> tuple[FinishedRun, list[Outcome]]:
        list_ = tmp_path / "bonus.csv"
        lines = text or "".join(f"R-{row},+6595123{400 + row},5\n" for row in range(rows))
        list_.write_text(f"{header}\n{lines}")
        job = Job.model_validate(
            {"list": str(list_), **({} if "product_id" in header else {"product": 6418}), **stated}
        ).at(SystemClock().now(), tmp_path)
        options = RunOptions(
            concurrency=4, polling=PollPolicy(shortest=0.02), circuit=circuit or CircuitPolicy(first_pause=0.05)
        )
        tries = retries or RetryPolicy(tries=2, first_wait=0.01)
        async with AsyncDVS(network.address, *credentials, rate=rate, timeout=timeout, retries=tries) as dvs:
            with LedgerStore(tmp_path / "ledger.db") as ledger:
                finished = await run_list(
                    job,
                    dvs=dvs,
                    payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
                    ledger=ledger,
                    options=options,
                    report=ReportOptions(folder=tmp_path / "report"),
                    watcher=onlooker,
                    clock=clock,
                )
                return finished, list(ledger.outcomes.rows(finished.run))

    return start


@pytest.fixture
def books(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], list[dict[str, Any]]]:
    """Give a function that reads the transactions in the provider's books."""

    def read() -> list[dict[str, Any]]:
        answer = httpx2.get(sandbox.books_url, auth=credentials)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["transactions"]
        return found

    return read
