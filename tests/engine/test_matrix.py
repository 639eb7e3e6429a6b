"""Every kind of row in every state, over two starts, in every mode: judged by the sandbox's books.

The cells are the full product of mode, source of statuses, wallets and side of the amounts. Each pays one list that has
a row of every kind (`tests/helpers/matrix_rows.py`) for every fate. The first start ends while rows are accepted and
others in conflict. Then DVS reverses some, and the second start reads a longer list. What must hold is computed from
the books, not written down.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count, product
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bulk_topup.app.callbacks import receive_callbacks
from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.reconcile import reconcile
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import run_list
from bulk_topup.domain.earlier_payments import Repetition
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.guards import Caps, Mode
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.engine import PollPolicy, RunOptions, StopReason
from bulk_topup.errors import GuardError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.report import ReportFormat
from bulk_topup.system.bounded_server import Address
from bulk_topup.system.clock import Clock, SystemClock
from tests.engine.conftest import Network, RecordingWatcher
from tests.helpers.matrix_rows import (
    COLUMNS,
    DESTINATION,
    ONE_WALLET,
    SIDES,
    SOURCE,
    TWO_WALLETS,
    Fate,
    Kind,
    MatrixRow,
    further_rows,
    rows_of,
)

pytestmark = pytest.mark.anyio

CREATION = "POST /v1/async/transactions HTTP/1.1"
LISTING = "GET /v1/transactions?"
TOKEN = "t0ken-of-callbacks-" + "x" * 20
SUBMITTED = {"id": 50000, "message": "SUBMITTED", "class": {"id": 5, "message": "SUBMITTED"}}
#: Longer than a start takes: only callbacks tell of statuses.
NO_POLLS = PollPolicy(shortest=1_000, longest=1_000)
#: The state of a row by the class of its transaction.
STATES = {
    **dict.fromkeys(("CREATED", "CONFIRMED", "SUBMITTED"), RowState.ACCEPTED),
    **dict.fromkeys(("REJECTED", "CANCELLED", "DECLINED"), RowState.FAILED),
    "COMPLETED": RowState.COMPLETED,
    "REVERSED": RowState.REVERSED,
}
#: Classes of transactions that the wallet has paid or has on hold.
COSTLY = {name for name, state in STATES.items() if state in {RowState.ACCEPTED, RowState.COMPLETED}}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the matrix."""

    mode: Mode
    has_callbacks: bool
    kinds: Mapping[str, Kind]
    side: CalculationMode
    #: The cap that is too low at first in the second start.
    short: str

    def __str__(self) -> str:
        source = "callbacks" if self.has_callbacks else "polling"
        wallets = "two" if self.kinds is TWO_WALLETS else "one"
        return f"{self.mode}-{source}-{wallets}-{self.side.lower()}-{self.short}"


CELLS = [
    Cell(mode=mode, has_callbacks=has_callbacks, kinds=kinds, side=side, short=("rows", "amounts", "costs")[number % 3])
    for number, (mode, has_callbacks, kinds, side) in enumerate(
        product(Mode, (False, True), (ONE_WALLET, TWO_WALLETS), (DESTINATION, SOURCE))
    )
]


@pytest.fixture
def sandbox_clock() -> Clock:
    """The machine's, as for the runs: a server without a clock receives their callbacks, and takes its time."""
    return SystemClock()


@pytest.fixture
def time_scale() -> float:
    """Transactions can be confirmed for 108 s, and are final within a moment."""
    return 0.03


def _sums(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for unit, value in pairs:
        sums[unit] = sums.get(unit, Decimal(0)) + value
    return {unit: value for unit, value in sums.items() if value}


def _key(body: Mapping[str, Any]) -> str:
    """Return all of a request that decides who gets what, as a text that is equal for equal requests."""
    deciding = {
        name: {**value, "amount": format_plain(Decimal(value["amount"]))} if name in SIDES.values() else value
        for name, value in body.items()
        if name not in {"external_id", "callback_url", "auto_confirm"}
    }
    return json.dumps(deciding, sort_keys=True)


def _caps(rows: Sequence[MatrixRow]) -> dict[str, Any]:
    """Return the lowest caps that allow rows."""
    costs = ((row.quote.unit, row.quote.cost) for row in rows)
    return {"rows": len(rows), "amounts": _sums(row.counted for row in rows), "costs": _sums(costs)}


def _one_short(caps: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return caps of which one is too low by the smallest step."""
    if name == "rows":
        return {**caps, "rows": caps["rows"] - 1}
    unit = max(caps[name])
    return {**caps, name: {**caps[name], unit: caps[name][unit] - Decimal("0.01")}}


def _cost(entry: Mapping[str, Any]) -> Decimal:
    return Decimal(entry["price"]) + Decimal(entry["fee"])


@dataclass
class FirstStart:
    """What DVS says during the first start, which ends when nothing more can become known.

    Args:
        rows: the rows of the list.
        has_callbacks: whether the list of transactions is empty, so that only callbacks tell of statuses.
        stop: ends the start.
    """

    rows: Sequence[MatrixRow]
    has_callbacks: bool
    stop: Callable[[], None]
    #: The row of each external ID. Rows that ask for the same get the IDs in the order in which they are sent.
    by_id: dict[str, MatrixRow] = field(default_factory=dict)
    #: External IDs whose final status was hidden.
    hidden: set[str] = field(default_factory=set)
    #: The last known state of each external ID.
    states: dict[str, RowState] = field(default_factory=dict)

    def answer(self, _number: int, line: str, body: bytes) -> Any:
        """Return the fate of a request."""
        if line == CREATION:
            request: Any = codec.decode(body)
            key, known = _key(request), {row.number for row in self.by_id.values()}
            self.by_id[request["external_id"]] = next(
                row for row in self.rows if row.number not in known and _key(row.request) == key
            )
        if line.startswith(LISTING) and self.has_callbacks:
            return 200, b"[]"
        return self._change if "/transactions" in line else "pass"

    def record(self, moved: Sequence[tuple[Any, Any]]) -> None:
        """Record moves that are on disk."""
        for attempt, move in moved:
            self.states[attempt.external_id] = move.after
        self._stop_if_over()

    def _change(self, answer: Any) -> None:
        for each in answer if isinstance(answer, list) else [answer]:
            row = self.by_id.get(each.get("external_id", ""))
            if row is not None and row.fate is Fate.CONFLICT:
                row.contradict(each)
            elif row is not None and row.fate.is_open and each["status"]["class"]["message"] == "COMPLETED":
                self.hidden.add(each["external_id"])
                each["status"] = SUBMITTED
                for name in ("pin", "metadata", "operator_reference"):
                    each.pop(name, None)
        self._stop_if_over()

    def _stop_if_over(self) -> None:
        if len(self.by_id) == len(self.rows) and all(
            id_ in self.hidden if row.fate.is_open else self.states.get(id_, RowState.PENDING) not in OPEN_STATES
            for id_, row in self.by_id.items()
        ):
            self.stop()


@dataclass
class Bench:
    """Pays the list of one cell, and judges what became known by the books.

    Args:
        cell: the cell.
        network: the network before the sandbox.
        sandbox: the sandbox.
        credentials: its API credentials.
        folder: for the list, the ledger and the report.
    """

    cell: Cell
    network: Network
    sandbox: Any
    credentials: tuple[str, str]
    folder: Path
    ledger: LedgerStore = field(init=False)
    watcher: RecordingWatcher = field(default_factory=RecordingWatcher)
    callback_url: str | None = None
    #: Set when a callback was saved.
    called: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Open the ledger, and receive callbacks if the cell has any."""
        with LedgerStore(self.folder / "ledger.db") as self.ledger:
            if not self.cell.has_callbacks:
                yield
                return
            with receive_callbacks(self.ledger, Address(host="127.0.0.1", port=0), TOKEN, self._wake) as url:
                self.callback_url = f"{url}/{TOKEN}"
                yield

    def _wake(self) -> None:
        self.called.set()
        if self.watcher.runner is not None:
            self.watcher.runner.wake()

    def stop(self) -> None:
        """Stop the start."""
        if self.watcher.runner is not None:
            self.watcher.runner.stop()

    def client(self) -> AsyncDVS:
        """Return a client of the network."""
        return AsyncDVS(self.network.address, *self.credentials, rate=10_000, timeout=30)

    async def pay(
        self, rows: Sequence[MatrixRow], caps: Mapping[str, Any], first: FirstStart | None = None
    ) -> FinishedRun:
        """Pay a list of rows within caps."""
        list_ = self.folder / "people.csv"
        list_.write_text("\n".join((",".join(COLUMNS.values()), *(row.line for row in rows), "")))
        job = Job.model_validate(
            {
                "list": str(list_),
                "mode": self.cell.mode,
                "calculation_mode": self.cell.side,
                "caps": Caps.model_validate(caps),
            }
        ).at(SystemClock().now(), self.folder)
        options = RunOptions(
            concurrency=4,
            polling=NO_POLLS if first is not None and self.cell.has_callbacks else PollPolicy(shortest=0.02),
            callback_url=self.callback_url,
            on_moves=None if first is None else first.record,
        )
        async with self.client() as dvs:
            return await run_list(
                job,
                dvs=dvs,
                payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
                ledger=self.ledger,
                options=options,
                report=ReportOptions(folder=self.folder / "report", formats=[ReportFormat.JSONL]),
                watcher=self.watcher,
                repetition=Repetition(add=first is None),
            )

    def books(self) -> dict[str, Any]:
        """Return wallets and transactions of the sandbox."""
        found = httpx2.get(self.sandbox.books_url, auth=self.credentials).raise_for_status()
        books: dict[str, Any] = codec.decode(found.content)
        return books

    def requests(self) -> dict[str, dict[str, Any]]:
        """Return the request of every transaction that the sandbox has created, by external ID."""
        lines = (self.folder / "provider-books.jsonl").read_bytes().splitlines()
        events: list[Any] = [codec.decode(line) for line in lines]
        return {each["request"]["external_id"]: each["request"] for each in events if each["event"] == "created"}

    async def reverse(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Reverse transactions as DT One does, and wait for their callbacks, if there are any."""
        for each in entries:
            url = f"{self.sandbox.address}/sandbox/transactions/{each['id']}/reverse"
            httpx2.post(url, auth=self.credentials).raise_for_status()
        run, wanted = self.ledger.runs.all()[0], {each["external_id"] for each in entries}
        while self.cell.has_callbacks:
            self.called.clear()
            if wanted <= {hint.attempt.external_id for hint in self.ledger.hints.attempts(run)}:
                return
            await self.called.wait()

    def judge(self, finished: FinishedRun, rows: Sequence[MatrixRow], differing: Mapping[Fate, RowState]) -> None:
        """Check run, ledger and report against the books.

        Args:
            finished: the end of a start.
            rows: the rows of its list.
            differing: states that differ from those of the books, as DVS said something else.
        """
        books, outcomes = self.books(), list(self.ledger.outcomes.rows(finished.run))
        entries = {each["external_id"]: each for each in books["transactions"]}
        self._judge_payments(rows, outcomes)
        by_state: dict[RowState, list[tuple[str, Decimal]]] = {state: [] for state in RowState}
        for row, outcome in zip(rows, outcomes, strict=True):
            entry = entries[outcome.external_id or ""]
            state = differing.get(row.fate, STATES[entry["status_class"]])
            assert outcome.state is state, (row, outcome.message)
            assert (outcome.transaction_id, outcome.unit, outcome.amount) == (entry["id"], *row.counted)
            assert (outcome.planned_unit, outcome.planned_cost) == (entry["price_unit"], _cost(entry))
            if state not in {RowState.FAILED, RowState.REVERSED}:
                charged = (outcome.price or Decimal(0)) + (outcome.fee or Decimal(0))
                assert (outcome.price_unit, charged) == (entry["price_unit"], _cost(entry))
            by_state[state].append((entry["price_unit"], _cost(entry)))
        costly = [
            row
            for row, outcome in zip(rows, outcomes, strict=True)
            if entries[outcome.external_id or ""]["status_class"] in COSTLY
        ]
        self._judge_sums(finished, costly)
        assert finished.result.counts == {state: len(found) for state, found in by_state.items()}
        summary = finished.report.summary
        assert summary.counts == finished.result.counts
        assert (summary.charged, summary.held, summary.in_conflict) == tuple(
            _sums(by_state[state]) for state in (RowState.COMPLETED, RowState.ACCEPTED, RowState.CONFLICT)
        )
        wallets = [(unit, Decimal(each["spent"]) + Decimal(each["holding"])) for unit, each in books["wallets"].items()]
        assert _sums(wallets) == _caps(costly)["costs"]
        self._judge_report(finished, outcomes)

    def _judge_payments(self, rows: Sequence[MatrixRow], outcomes: Sequence[Outcome]) -> None:
        """Check that DVS was asked once for each row, for what it asks, and for nothing else."""
        requests = self.requests()
        assert Counter(map(_key, requests.values())) == Counter(_key(row.request) for row in rows)
        assert sorted(requests) == sorted(outcome.external_id or "" for outcome in outcomes)
        for row, outcome in zip(rows, outcomes, strict=True):
            assert ",".join(outcome.cells) == row.line
            assert _key(requests[outcome.external_id or ""]) == _key(row.request)
        is_confirmed = {bool(each.get("auto_confirm")) for each in requests.values()}
        assert is_confirmed == {self.cell.mode is Mode.AUTO_CONFIRM}

    def _judge_sums(self, finished: FinishedRun, costly: Sequence[MatrixRow]) -> None:
        """Check what counts against the caps, in this start and for the next one."""
        caps = _caps(costly)
        spent = self.ledger.spending.spent(finished.run)
        assert (spent.rows, spent.amounts, spent.costs) == (caps["rows"], caps["amounts"], caps["costs"])
        assert self.watcher.runner is not None
        progress = self.watcher.runner.progress()
        assert {unit: value for unit, value in progress.amounts.items() if value} == caps["amounts"]
        assert {unit: value for unit, value in progress.costs.items() if value} == caps["costs"]

    def _judge_report(self, finished: FinishedRun, outcomes: Sequence[Outcome]) -> None:
        """Check that the report has every row of the list once, with its state."""
        [file] = [file for file in finished.report.files if file.suffix == ".jsonl"]
        shown = [json.loads(line) for line in file.read_text().splitlines()]
        assert [(each["line"], each["state"], each["external_id"]) for each in shown] == [
            (line, outcome.state.value, outcome.external_id) for line, outcome in zip(count(2), outcomes, strict=False)
        ]


async def _pay_twice(bench: Bench) -> None:
    """Pay the list of a cell in two starts, and judge each."""
    cell, rows = bench.cell, rows_of(bench.cell.kinds, bench.cell.side)
    longer = [*rows, *further_rows(rows)]
    first = FirstStart(rows, cell.has_callbacks, bench.stop)
    bench.network.rule = first.answer
    finished = await bench.pay(rows, _caps(rows), first)
    assert finished.result.reason is StopReason.INTERRUPTED
    states = dict.fromkeys((Fate.OPEN, Fate.REVERSED_UNSEEN), RowState.ACCEPTED)
    bench.judge(finished, rows, {**states, Fate.CONFLICT: RowState.CONFLICT})

    bench.network.rule = lambda *_: "pass"
    paid = bench.books()["transactions"]
    reversed_ = {Fate.REVERSED_UNSEEN, *([Fate.REVERSED_LATER] if cell.has_callbacks else [])}
    await bench.reverse([each for each in paid if first.by_id[each["external_id"]].fate in reversed_])
    costly = [first.by_id[each["external_id"]] for each in paid if each["status_class"] in COSTLY]
    caps = _caps([*costly, *longer[len(rows) :]])
    with pytest.raises(GuardError):
        await bench.pay(longer, _one_short(caps, cell.short))
    assert len(bench.requests()) == len(rows)
    finished = await bench.pay(longer, caps)
    assert finished.result.reason is None
    bench.judge(finished, longer, {})
    async with bench.client() as dvs:
        payer = PayingAccount(environment=Environment.SANDBOX, account=dvs.account)
        assert (await reconcile(dvs=dvs, payer=payer, ledger=bench.ledger, run=finished.run)).agrees


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_every_row_is_paid_once_and_everything_agrees_with_the_books(
    cell: Cell, network: Network, sandbox: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    bench = Bench(cell=cell, network=network, sandbox=sandbox, credentials=credentials, folder=tmp_path)
    with bench.open():
        async with asyncio.timeout(300):
            await _pay_twice(bench)
