"""Ledger and engine against the sandbox under arbitrary histories of faults, kills, edits and restarts.

Everything is real except the wire and the clock: the wire loses, delays, repeats and garbles as the history says, and
the test moves the time. A kill stops the ledger before or after one of its commits; nothing is written or sent after
it.
"""

import asyncio
import os
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

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
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.engine import CircuitPolicy, PollPolicy, Runner, RunOptions
from bulk_topup.errors import BulkTopupError, LedgerBehindError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.report import ReportFormat
from bulk_topup.sandbox import SandboxConfig
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.transaction import Transaction
from chaos.histories.mortal_ledger import Kill, is_death, open_mortal
from chaos.histories.wire import FATES, TIMEOUT, HandClock, Wire

OPENING = Decimal(100_000)
UNSUCCESSFUL = {"REJECTED", "DECLINED", "CANCELLED"}
KEY, SECRET = "test-key", "test-secret-9f3a"
#: Suffixes of numbers: completed, declined for the operator, declined for good, rejected at once.
ENDINGS = ("400", "401", "104", "103", "109")

fates = st.lists(st.sampled_from(FATES), max_size=12)
rows = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(ENDINGS), st.sampled_from(("5", "6"))), max_size=6)
#: The commit at which the process dies, and whether it is on disk then.
kills = st.none() | st.builds(Kill, st.integers(1, 12), st.booleans())


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
        self.wire = Wire(config, self.provider, self.clock)
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
    def start(self, fates: list[str], kill: Kill | None) -> None:
        self.go(fates, kill)

    @rule(fates=fates, kill=kills)
    def retry(self, fates: list[str], kill: Kill | None) -> None:
        self.go(fates, kill, retry=RetryChoice())

    @rule(seconds=st.sampled_from((1, 30, 3_000, 90_000)))
    def wait(self, seconds: int) -> None:
        self.clock.seconds += seconds

    @rule()
    def lose_the_ledger(self) -> None:
        """Lose the ledger a minute after the last send, before which no start without it is safe (decision 0024)."""
        self.was_lost = True
        self.clock.seconds += 60
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

    def go(self, fates: list[str], kill: Kill | None, *, retry: RetryChoice | None = None) -> None:
        list_ = self.folder / "list.csv"
        lines = [f"R{reference},+65951{reference:02}{ending},{amount}" for reference, (ending, amount) in self.rows()]
        list_.write_text("\n".join(["reference,phone,amount", *lines, ""]))
        self.wire.fates = deque(fates)
        self.wire.is_dead = False
        try:
            asyncio.run(self._pay(list_, kill, retry))
        except BulkTopupError:
            # Nothing was sent (an empty list, an unknown run), or DVS failed before anything was.
            pass
        except BaseException as error:
            if not is_death(error):
                raise

    def rows(self) -> list[tuple[int, tuple[str, str]]]:
        return sorted(self.listed.items())

    async def _pay(self, list_: Path, kill: Kill | None, retry: RetryChoice | None) -> None:
        job = Job.model_validate({"list": str(list_), "product": 6418, "skip_refused": True, "mode": self.mode})
        job = job.at(self.clock.now(), self.folder)
        policy = RetryPolicy(tries=2, first_wait=0.01, throttled_tries=2)
        dvs = AsyncDVS(
            "http://127.0.0.1:1/v1", KEY, SECRET, timeout=TIMEOUT, rate=1000, retries=policy, clock=self.clock
        )
        dvs._transport = self.wire
        with open_mortal(self.folder / "ledger.db", self.clock, self.wire, kill) as ledger:
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
