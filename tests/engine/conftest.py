"""Whole runs over a network with injected failures."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import run_list
from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.earlier_payments import Repetition
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.engine import CircuitPolicy, PollPolicy, Runner, RunOptions
from bulk_topup.engine.run_context import RunContext
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.report import ReportFormat
from bulk_topup.system.clock import Clock, SystemClock
from tests.helpers.dvs_values import attempt, transaction
from tests.helpers.hand_clock import Late, SkippingClock
from tests.helpers.plain_http import HTTP

__all__ = ["attempt", "transaction"]


@dataclass(frozen=True)
class After:
    """DVS processes the request, and the proxy answers itself."""

    status: int
    content: bytes

    @property
    def response(self) -> bytes:
        return f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.content)}\r\n\r\n".encode() + self.content


#: The fate of a request: its name, the status and content of the proxy's own response before DVS gets the request or
#: after, a late delivery, or a function that changes the JSON of DVS's response.
Fate = str | tuple[int, bytes] | After | Late | Callable[[Any], object]


@dataclass
class Network:
    """A proxy before the sandbox that forwards requests, or makes them fail as `rule` decides."""

    host: str
    port: int
    #: Called with the number of the request (from 1), its first line and its body; returns its fate.
    rule: Callable[[int, str, bytes], Fate] = lambda _number, _line, _body: "pass"
    #: The clock by which late requests arrive.
    clock: Clock = field(default_factory=SystemClock)
    seen: list[tuple[str, bytes]] = field(default_factory=list)
    #: Numbers of requests, in order: those up to one of them are held until all of them have arrived.
    together: tuple[int, ...] = ()
    address: str = ""
    #: Maximum concurrent requests of each method, and of list queries (`GET?`).
    most: Counter[str] = field(default_factory=Counter)
    _now: Counter[str] = field(default_factory=Counter)
    _late: list[tuple[float, bytes]] = field(default_factory=list)
    _arrival: asyncio.Condition = field(default_factory=asyncio.Condition)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            while True:
                request, body = await _message(reader)
                line = request.split(b"\r\n", 1)[0].decode()
                await self.deliver()
                self.seen.append((line, body))
                fate = self.rule(len(self.seen), line, body)
                await self._hold(len(self.seen))
                if fate == "lose":  # DVS never receives it
                    break
                if isinstance(fate, Late):
                    self._late.append((self.clock.monotonic() + fate.seconds, request + body))
                    break
                if isinstance(fate, tuple):  # the proxy responds itself
                    status, content = fate
                    writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
                    continue
                kind = line.split()[0] + ("?" if "?" in line else "")
                self._now[kind] += 1
                self.most[kind] = max(self.most[kind], self._now[kind])
                response = await self._forward(request + body)
                self._now[kind] -= 1
                if fate == "hang up":  # DVS received it, and its response is lost
                    break
                if isinstance(fate, After):
                    response = fate.response
                if fate == "half":
                    writer.write(response[: len(response) // 2])
                    break
                if callable(fate):
                    response = _changed(response, fate)
                writer.write(response)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def close(self) -> None:
        """End the connections that are still open."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _hold(self, number: int) -> None:
        """Wait for the requests that are to arrive together with one."""
        last = next((each for each in self.together if each >= number), 0)
        async with self._arrival:
            self._arrival.notify_all()
            await self._arrival.wait_for(lambda: len(self.seen) >= last)

    async def deliver(self) -> None:
        """Deliver the late requests whose time has come."""
        now = self.clock.monotonic()
        due, self._late = [each for at, each in self._late if at <= now], [each for each in self._late if each[0] > now]
        for request in due:
            await self._forward(request)

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(request)
            head, body = await _message(reader)
        finally:
            writer.close()
        return head + body


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = [line.split(b":", 1) for line in head.lower().split(b"\r\n") if b":" in line]
    length = next((int(value) for name, value in fields if name == b"content-length"), 0)
    return head, await reader.readexactly(length)


def _changed(response: bytes, change: Callable[[Any], object]) -> bytes:
    """Return a response with its JSON changed in place by a function."""
    head, content = response.split(b"\r\n\r\n", 1)
    value = json.loads(content)
    change(value)
    changed = json.dumps(value).encode()
    fields = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join([*fields, b"Content-Length: %d" % len(changed)]) + b"\r\n\r\n" + changed


def count_states(outcomes: list[Any]) -> Counter[str]:
    return Counter(outcome.state.value for outcome in outcomes)


def count_statuses(books: Callable[[], list[dict[str, Any]]]) -> Counter[str]:
    return Counter(str(each["status_class"]) for each in books())


def decision_in(folder: Path) -> str | None:
    with LedgerStore(folder / "ledger.db", read_only=True) as ledger:
        return ledger.unconfirmed.decision(ledger.runs.all()[0])


@pytest.fixture
def sandbox_clock(skipping_clock: SkippingClock) -> Clock:
    """The clock of runner, ledger, client and sandbox, unless a test passes another one to the runner."""
    return skipping_clock


@pytest.fixture
async def network(sandbox: Any) -> AsyncIterator[Network]:
    """A network before the sandbox with injected failures."""
    parts = urlsplit(sandbox.base_url)
    network = Network(host=str(parts.hostname), port=parts.port or 0)
    server = await asyncio.start_server(network.serve, "127.0.0.1", 0)
    network.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield network
    server.close()
    await network.close()


class RecordingWatcher:
    """Confirms everything, and keeps the runner for tests that stop it."""

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
def watcher() -> RecordingWatcher:
    return RecordingWatcher()


@pytest.fixture
def cheaper(sandbox: Any, credentials: tuple[str, str]) -> Callable[[float], Callable[[int, str, bytes], Any]]:
    """Return a function that makes a rule by which the plan sees the product's price divided by a factor."""

    def make(factor: float) -> Callable[[int, str, bytes], Any]:
        url = f"{sandbox.base_url}/products/6418"
        product = HTTP.get(url, auth=credentials).json()
        product["rates"] = {name: float(rate) * factor for name, rate in product["rates"].items()}
        content = httpx2.Request("PUT", url, json=product).content
        return lambda _number, line, _body: (200, content) if line.startswith("GET /v1/products/") else "pass"

    return make


@pytest.fixture
def pay(
    network: Network,
    tmp_path: Path,
    credentials: tuple[str, str],
    watcher: RecordingWatcher,
    skipping_clock: SkippingClock,
) -> Callable[..., Awaitable[tuple[FinishedRun, list[Outcome]]]]:
    """Return a function that pays a list of some rows through the network, and returns each row's outcome."""

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
        add: bool = False,
        tracking_timeout: float = 1_800.0,
        max_wait: float = 600.0,
        **settings: Any,
    ) -> tuple[FinishedRun, list[Outcome]]:
        list_ = tmp_path / "bonus.csv"
        # References of digits alone have no other spelling, for which DVS would be asked first.
        lines = text or "".join(f"1000{row},+6595123{400 + row},5\n" for row in range(rows))
        list_.write_text(f"{header}\n{lines}")
        job = Job.model_validate(
            {"list": str(list_), **({} if "product_id" in header else {"product": 6418}), **settings}
        ).at(skipping_clock.now(), tmp_path)
        options = RunOptions(
            concurrency=4,
            polling=PollPolicy(shortest=0.2),
            circuit=circuit or CircuitPolicy(first_pause=0.05),
            tracking_timeout=tracking_timeout,
        )
        policy = retries or RetryPolicy(tries=2, first_wait=0.01)
        client = AsyncDVS(
            network.address,
            *credentials,
            rate=rate,
            timeout=timeout,
            retries=policy,
            clock=skipping_clock,
            max_wait=max_wait,
        )
        async with client as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=clock or skipping_clock) as ledger:
                finished = await run_list(
                    job,
                    dvs=dvs,
                    payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
                    ledger=ledger,
                    options=options,
                    report=ReportOptions(folder=tmp_path / "report", formats=(ReportFormat.JSONL,)),
                    watcher=watcher,
                    clock=clock or skipping_clock,
                    repetition=Repetition(add=add),
                )
                return finished, list(ledger.outcomes.rows(finished.run))

    return start


@pytest.fixture
def context_of(
    network: Network, tmp_path: Path, credentials: tuple[str, str], skipping_clock: SkippingClock
) -> Callable[..., AbstractAsyncContextManager[RunContext]]:
    """Return a function that opens what the parts of a run share, for tests of one part."""

    @asynccontextmanager
    async def opened(run: Run, *, clock: Clock = skipping_clock, **options: Any) -> AsyncIterator[RunContext]:
        with LedgerStore(tmp_path / "ledger.db", clock=clock) as ledger:
            client = AsyncDVS(network.address, *credentials, rate=10_000, retries=RetryPolicy(tries=1), clock=clock)
            async with client as dvs:
                context = RunContext.create(run=run, dvs=dvs, ledger=ledger, options=RunOptions(**options), clock=clock)
                try:
                    yield context
                finally:
                    await context.journal.close()

    return opened


@pytest.fixture
def in_flight(
    pay: Callable[..., Awaitable[tuple[FinishedRun, list[Outcome]]]],
    network: Network,
    watcher: RecordingWatcher,
    tmp_path: Path,
    skipping_clock: SkippingClock,
) -> Callable[[int], Awaitable[tuple[Run, list[Attempt]]]]:
    """Return a function that creates a run of some rows in flight, none of which DVS received."""

    async def make(rows: int) -> tuple[Run, list[Attempt]]:
        def rule(_number: int, line: str, _body: bytes) -> Fate:
            if line.startswith("POST"):
                assert watcher.runner is not None
                watcher.runner.stop()
                return "lose"
            return "pass"

        network.rule = rule
        finished, _ = await pay(rows)
        network.rule = lambda *_: "pass"
        network.seen.clear()
        with LedgerStore(tmp_path / "ledger.db", clock=skipping_clock) as ledger:
            ledger.attempts.claim(finished.run, rows)
            attempts = ledger.attempts.in_flight(finished.run)
        assert len(attempts) == rows
        return finished.run, attempts

    return make


@pytest.fixture
def books(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that reads the transactions in the sandbox's books."""

    def read() -> list[dict[str, Any]]:
        response = HTTP.get(sandbox.books_url, auth=credentials)
        found: list[dict[str, Any]] = response.raise_for_status().json()["transactions"]
        return found

    return read
