"""Ledger and engine against the sandbox under arbitrary histories of faults, kills, edits and restarts.

Everything is real except the wire and the clock: the wire loses, delays, repeats and garbles as the history says, and
the test moves the time. A kill stops the ledger before or after one of its commits; nothing is written or sent after
it.
"""

import asyncio
import json
import os
import shutil
import tempfile
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from pydantic import SecretStr

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.rebuild import rebuild_run
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run
from bulk_topup.app.run import run_list
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.dvs import AsyncDVS, NoResponseError, RetryPolicy
from bulk_topup.dvs.transports.base import HTTPRequest, HTTPResponse
from bulk_topup.engine import CircuitPolicy, PollPolicy, Runner, RunOptions
from bulk_topup.errors import BulkTopupError, LedgerBehindError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.ledger import ledger as ledger_module
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.report import ReportFormat
from bulk_topup.sandbox import SandboxConfig
from bulk_topup.sandbox.app import Sandbox
from bulk_topup.sandbox.faults import Faults
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.transaction import Transaction

TIMEOUT = 1.0
#: Seconds after which a late request arrives, when its client has long given up.
LATENESS = (6.0, 55.0)
OPENING = Decimal(100_000)
UNSUCCESSFUL = {"REJECTED", "DECLINED", "CANCELLED"}
KEY, SECRET = "test-key", "test-secret-9f3a"
ERRORS = b'{"errors":[{"code":1000503,"message":"Not now"}]}'
#: Suffixes of numbers: completed, declined for the operator, declined for good, rejected at once.
ENDINGS = ("400", "401", "104", "103", "109")

#: What happens to a request.
FATES = (
    "pass",
    "lost",  # DVS never receives it
    "late",  # no response, and it arrives some seconds later
    "kept",  # no response, it arrives nearly a minute later, and its repetitions are refused until then
    "hang up",  # received, and the response is lost
    "half",  # received, and the response is cut off
    "twice",  # arrives two times
    "503 before",
    "503 after",
    "429",
    "refused",  # DVS does not accept it, this time
    "no balance",
    "html",
)
fates = st.lists(st.sampled_from(FATES), max_size=12)
rows = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(ENDINGS), st.sampled_from(("5", "6"))), max_size=6)
#: The commit at which the process dies, and whether it is on disk then.
kills = st.none() | st.tuples(st.integers(1, 12), st.booleans())


class Killed(BaseException):
    """The process is dead; nothing may handle this error."""


class HandClock:
    """A clock on which time passes only in sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)
        await asyncio.sleep(0)


def _external_id(request: HTTPRequest) -> str:
    """Return the external ID of a creation; empty for another request."""
    return str(json.loads(request.body).get("external_id", "")) if request.body else ""


class Wire:
    """The transport to the sandbox, with injected faults."""

    def __init__(self, sandbox: Sandbox, clock: HandClock) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.fates: deque[str] = deque()
        self.is_dead = False
        self._late: list[tuple[float, HTTPRequest]] = []
        #: External IDs of requests that arrive later whose repetitions are refused.
        self._kept: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self, request: HTTPRequest) -> HTTPResponse:
        if self.is_dead:
            raise Killed
        await self.arrive()
        fate = self._fate_of(request)
        match fate:
            case "lost" | "late" | "kept":
                if fate != "lost":
                    self._late.append((self.clock.monotonic() + LATENESS[fate == "kept"], request))
                if fate == "kept":
                    self._kept.add(_external_id(request))
                await self.clock.sleep(TIMEOUT)
                raise NoResponseError("timed out")
            case "503 before" | "429":
                return HTTPResponse(
                    status_code=int(fate[:3]), headers={}, body=b'{"errors":[{"code":1000503,"message":"x"}]}'
                )
            case "refused" | "no balance":
                code = b"1006001" if fate == "no balance" else b"1003001"
                return HTTPResponse(status_code=400, headers={}, body=ERRORS.replace(b"1000503", code))
            case "html":
                return HTTPResponse(status_code=200, headers={}, body=b"<html>")
        response = await self._forward(request)
        match fate:
            case "twice":
                await self._forward(request)
            case "hang up":
                raise NoResponseError("connection refused")
            case "half":
                return HTTPResponse(
                    status_code=response.status_code, headers=response.headers, body=response.body[:-20]
                )
            case "503 after":
                return HTTPResponse(status_code=503, headers={}, body=ERRORS)
        return response

    def _fate_of(self, request: HTTPRequest) -> str:
        fate = self.fates.popleft() if self.fates and request.method == "POST" else "pass"
        return "refused" if _external_id(request) in self._kept else fate

    async def arrive(self, *, everything: bool = False) -> None:
        """Let late requests arrive, for which no caller waits any more."""
        now = self.clock.monotonic()
        due = [request for at, request in self._late if everything or at <= now]
        self._late = [(at, request) for at, request in self._late if not everything and at > now]
        for request in due:
            self._kept.discard(_external_id(request))
            await self._forward(request)

    async def _forward(self, request: HTTPRequest) -> HTTPResponse:
        body = request.body or b""
        query = "&".join(f"{name}={value}" for name, value in (request.params or {}).items()).replace("+", "%2B")
        scope = {
            "type": "http",
            "method": request.method,
            "path": f"/v1{request.path}",
            "query_string": query.encode(),
            "headers": [(b"authorization", b"Basic " + b64encode(f"{KEY}:{SECRET}".encode()))],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.sandbox(scope, receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return HTTPResponse(status_code=sent[0]["status"], headers=headers, body=sent[1]["body"])


class MortalFile(LedgerFile):
    """A ledger's file whose process may die at one of its commits."""

    wire: Wire
    kill: tuple[int, bool] | None = None
    commits = 0

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        if self.wire.is_dead:
            raise Killed
        self.commits += 1
        dies = self.kill is not None and self.commits == self.kill[0]
        if dies and self.kill is not None and not self.kill[1]:
            self.wire.is_dead = True
            raise Killed
        with super().transaction() as connection:
            yield connection
        if dies:
            self.wire.is_dead = True
            raise Killed


class ConfirmingWatcher:
    """Confirms everything."""

    def prepared(self, *_: object) -> None:
        pass

    def confirm(self, *_: object) -> None:
        pass

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        del run, runner
        yield


class Histories(RuleBasedStateMachine):
    """One list, one run, one ledger and one sandbox, under any history."""

    mode = "auto_confirm"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="bulk-topup-model-"))
        self.clock = HandClock()
        config = SandboxConfig(
            time_scale=1,
            rate_limit=0,
            balances={"USD": OPENING},
            api_key=KEY,
            api_secret=SecretStr(SECRET),
            books=self.folder / "books.jsonl",
        )
        self.provider = Provider(config, self.clock)
        self.wire = Wire(Sandbox(config, self.provider, self.clock, Faults([], keeps_books=False)), self.clock)
        self.listed: dict[int, tuple[str, str]] = {}
        self.was_lost = False

    def teardown(self) -> None:
        """Continue without faults until every row is final; then the books must agree."""
        for _ in range(6):
            self.go([], None)
            self.go([], None, retry=RetryChoice(lines=[]))  # with an empty list, only this continues the run
            if not any(self.counts()[state] for state in OPEN_STATES):
                break
        else:
            raise AssertionError(f"the run does not end: {self.counts()}")
        asyncio.run(self.wire.arrive(everything=True))
        self.nobody_is_paid_twice()
        self.the_books_agree()
        self.provider.close()
        shutil.rmtree(self.folder)

    @rule(changes=rows)
    def edit(self, changes: list[tuple[int, str, str]]) -> None:
        """Add rows to the list, and change existing ones; the suffix of a number stands for the beneficiary."""
        for reference, ending, amount in changes:
            self.listed[reference] = (ending, amount)

    @precondition(lambda self: self.listed)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        del self.listed[data.draw(st.sampled_from(sorted(self.listed)))]

    @rule(fates=fates, kill=kills)
    def start(self, fates: list[str], kill: tuple[int, bool] | None) -> None:
        self.go(fates, kill)

    @rule(fates=fates, kill=kills)
    def retry(self, fates: list[str], kill: tuple[int, bool] | None) -> None:
        self.go(fates, kill, retry=RetryChoice())

    @rule(seconds=st.sampled_from((1, 30, 3_000, 90_000)))
    def wait(self, seconds: int) -> None:
        self.clock.seconds += seconds

    @rule()
    def lose_the_ledger(self) -> None:
        self.was_lost = True
        for file in self.folder.glob("ledger.db*"):
            file.unlink()

    @invariant()
    def nobody_is_paid_twice(self) -> None:
        live = Counter(
            each.request.external_id.rpartition("-")[0]
            for each in self.provider.transactions
            if self.class_of(each) not in UNSUCCESSFUL
        )
        assert not [row for row, number in live.items() if number > 1]

    def class_of(self, transaction: Transaction) -> str:
        return transaction.status(self.provider.now()).class_.name

    def go(self, fates: list[str], kill: tuple[int, bool] | None, *, retry: RetryChoice | None = None) -> None:
        list_ = self.folder / "list.csv"
        lines = [f"R{reference},+65951{reference:02}{ending},{amount}" for reference, (ending, amount) in self.rows()]
        list_.write_text("\n".join(["reference,phone,amount", *lines, ""]))
        self.wire.fates = deque(fates)
        self.wire.is_dead = False
        try:
            asyncio.run(self._pay(list_, kill, retry))
        except Killed:
            pass
        except BaseExceptionGroup as group:
            if group.split(Killed)[1] is not None:
                raise
        except BulkTopupError:
            # Nothing was sent (an empty list, an unknown run), or DVS failed before anything was.
            pass

    def rows(self) -> list[tuple[int, tuple[str, str]]]:
        return sorted(self.listed.items())

    async def _pay(self, list_: Path, kill: tuple[int, bool] | None, retry: RetryChoice | None) -> None:
        job = Job.model_validate({"list": str(list_), "product": 6418, "skip_refused": True, "mode": self.mode})
        job = job.at(self.clock.now(), self.folder)
        policy = RetryPolicy(tries=2, first_wait=0.01, throttled_tries=2)
        dvs = AsyncDVS(
            "http://127.0.0.1:1/v1", KEY, SECRET, timeout=TIMEOUT, rate=1000, retries=policy, clock=self.clock
        )
        dvs._transport = self.wire
        MortalFile.wire = self.wire
        with patch.object(ledger_module, "LedgerFile", MortalFile):
            opened = LedgerStore(self.folder / "ledger.db", clock=self.clock)
        with opened as ledger:
            assert isinstance(ledger.file, MortalFile)
            ledger.file.kill = kill
            arguments: dict[str, Any] = {
                "dvs": dvs,
                "payer": PayingAccount(environment=Environment.SANDBOX, account="one"),
                "ledger": ledger,
                "options": RunOptions(
                    concurrency=3,
                    polling=PollPolicy(shortest=1, longest=5),
                    circuit=CircuitPolicy(failures=3, first_pause=1, patience=200),
                    tracking_timeout=400,
                    guards=job.guards,
                ),
                "report": ReportOptions(folder=self.folder / "report", formats=(ReportFormat.JSONL,)),
                "watcher": ConfirmingWatcher(),
                "clock": self.clock,
            }
            async with dvs:
                try:
                    if retry is None:
                        await run_list(job, **arguments)
                    else:
                        await resume_run(ledger.runs.named("list/list"), retry=retry, **arguments)
                except LedgerBehindError:  # a lost ledger that was started again without a rebuild
                    known = {name: arguments[name] for name in ("dvs", "payer", "ledger", "clock")}
                    await rebuild_run(ledger.runs.named("list/list"), **known)

    def counts(self) -> dict[RowState, int]:
        if not (self.folder / "ledger.db").exists():
            return dict.fromkeys(RowState, 0)
        with LedgerStore(self.folder / "ledger.db") as ledger:
            runs = ledger.runs.all()
            return ledger.rows.counts(runs[0]) if runs else dict.fromkeys(RowState, 0)

    def the_books_agree(self) -> None:
        """Each row's outcome is what DVS has, and the wallet was charged the cost of the completed rows."""
        classes = {each.request.external_id: self.class_of(each) for each in self.provider.transactions}
        spent = Decimal(0)
        with LedgerStore(self.folder / "ledger.db") as ledger:
            outcomes = [outcome for run in ledger.runs.all() for outcome in ledger.outcomes.rows(run)]
        for outcome in outcomes:
            found = classes.get(outcome.external_id or "")
            if outcome.state is RowState.COMPLETED:
                assert found == "COMPLETED"
                spent += outcome.price or 0
            elif outcome.state is RowState.FAILED:
                assert found in UNSUCCESSFUL if outcome.transaction_id is not None else found is None
        known = {outcome.external_id: outcome.state for outcome in outcomes}
        others = {each for each, class_ in classes.items() if class_ == "COMPLETED" and known.get(each) != "completed"}
        assert all(known.get(each) == "conflict" or (each not in known and self.was_lost) for each in others)
        if not others:
            assert self.provider.wallets["USD"].spent == spent


class HeldHistories(Histories):
    """The same in hold mode: every transaction is created, compared and then confirmed."""

    mode = "hold"


#: How many histories are run; `make chaos` runs more.
HISTORIES = int(os.environ.get("BULK_TOPUP_HISTORIES", "20"))
HISTORY = settings(
    max_examples=HISTORIES,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def test_no_history_of_faults_pays_twice_or_forgets() -> None:
    run_state_machine_as_test(Histories, settings=HISTORY)


def test_no_history_of_faults_pays_twice_or_forgets_in_hold_mode() -> None:
    run_state_machine_as_test(HeldHistories, settings=HISTORY)
