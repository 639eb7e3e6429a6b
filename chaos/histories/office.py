"""An office with a list, a ledger and an account at the provider: starts what people start, and records how it ends."""

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from pydantic import SecretStr

from bulk_topup.app import prepare_job, time_zone
from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.rebuild import rebuild, rebuild_run
from bulk_topup.app.reconcile import reconcile
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run
from bulk_topup.app.run import run_list
from bulk_topup.app.run_ending import end_of
from bulk_topup.app.run_name import named_as_known_run
from bulk_topup.app.time_zone import in_zone, zone_of
from bulk_topup.domain.earlier_payments import Repetition
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.identity_version import IdentityVersion, RunIds
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.engine import CircuitPolicy, PollPolicy, Runner, RunOptions
from bulk_topup.errors import BulkTopupError
from bulk_topup.jobs import comparison
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.ledger.pin_keys import FILE_VARIABLE
from bulk_topup.report import ReportFormat
from bulk_topup.sandbox import SandboxConfig
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.system.files import file_name
from chaos.histories.mortal_ledger import Kill, is_death, open_mortal
from chaos.histories.people import Due, Line, Person, as_csv
from chaos.histories.wire import TIMEOUT, HandClock, Wire

SECRET: Final = SecretStr("test-secret-9f3a")
OPENING: Final = Decimal(1_000_000)
#: The address is never connected to: the wire takes its place.
_ADDRESS: Final = "http://127.0.0.1:1/v1"
_MONTH: Final = "{today:%Y-%m}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """What goes wrong during a start."""

    #: Fates of its first payments, see `chaos.histories.wire`.
    fates: tuple[str, ...] = ()
    kill: Kill | None = None
    #: Whether it is stopped before anything is sent.
    is_stopped: bool = False
    concurrency: int = 3


CALM: Final = Trouble()


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """How a start ended."""

    #: The exit code; None for a process that died.
    code: int | None
    error: BaseException | None = None
    finished: FinishedRun | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether nothing was done, with a message that says why."""
        return isinstance(self.error, BulkTopupError) and bool(str(self.error))

    def __str__(self) -> str:
        if self.code is None:
            return "killed"
        return f"exit {self.code}" + (f", {type(self.error).__name__}" if self.error else "")


@dataclass(kw_only=True, slots=True)
class Period:
    """What is due in a period, and since when."""

    name: str
    start: datetime
    dues: Counter[Due] = field(default_factory=Counter)


class Office:
    """An office, at a moment of its history.

    Args:
        folder: where it keeps everything.
        start: the first time on its clock, in UTC.
        products: what it pays.
        is_job: whether it pays a job of a month, not a list by hand.
        has_references: whether its lists have a column of references.
        has_duplicates: whether one person may get several payments of a product.
        is_earlier: whether it works with an earlier version of the program until it upgrades.
        skips_refused: whether rows that are refused stop the others.
    """

    def __init__(
        self,
        folder: Path,
        *,
        start: datetime,
        products: tuple[int, ...],
        is_job: bool,
        has_references: bool,
        has_duplicates: bool,
        is_earlier: bool,
        skips_refused: bool,
    ) -> None:
        self.folder = folder
        self.products = products
        self.is_job = is_job
        self.has_references = has_references
        self.has_duplicates = has_duplicates
        self.is_earlier = is_earlier
        self.skips_refused = skips_refused
        self.clock = HandClock(start)
        self._config = SandboxConfig(
            time_scale=1,
            rate_limit=0,
            balances={"USD": OPENING, "EUR": OPENING},
            api_key="pair-1",
            api_secret=SECRET,
            books=folder / "books.jsonl",
        )
        self.provider = Provider(self._config, self.clock)
        self.wire = Wire(self._config, self.provider, self.clock)
        self.zone = "UTC"
        self.people: list[Person] = []
        #: The list as it is.
        self.lines: list[Line] = []
        self.period = Period(name=f"{start:%Y-%m}", start=start)
        #: The name that the list's file or the job has now, and all that it had in this period, the first first.
        self.name = "rewards"
        self.names = ["rewards"]
        #: Moves that a rule of the history looks for, since the start of the period or the last backup.
        self.done: set[str] = set()
        self.since_backup: set[str] = set()
        #: The names of starts and the files of corrections that were written for them.
        self.corrections: list[tuple[str, Path]] = []
        #: Whether the ledger has once been replaced by an older one.
        self.is_amnesic = False
        #: Whether starts say that the account is the same although its API key changed.
        self.says_same_account = False
        #: What was done, as sentences.
        self.log: list[str] = []
        self.ends: list[End] = []
        #: What was seen to be wrong as it happened.
        self.complaints: list[str] = []

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "ledger.db"

    @property
    def backup(self) -> Path:
        """The folder of the ledger's backup."""
        return self.folder / "backup"

    def close(self) -> None:
        """Close the provider's books."""
        self.provider.close()

    def add(self, person: Person, lines: list[Line], at: int) -> None:
        """Add a person whose payments are due from now on, at a position of the list."""
        self.people.append(person)
        self.lines[at:at] = lines
        self.period.dues.update(person.dues)

    def use_new_credentials(self) -> None:
        """Replace the API key pair; the account with its transactions and wallets stays."""
        number = int(self._config.api_key.removeprefix("pair-")) + 1
        self._config = replace(self._config, api_key=f"pair-{number}")
        self.wire.set_account(self._config)

    def start(
        self,
        *,
        name: str | None = None,
        trouble: Trouble = CALM,
        corrections: Path | None = None,
        lines: list[Line] | None = None,
    ) -> End:
        """Start the list or the job, as a person or cron does, and return how it ended.

        Args:
            name: its name; None for the current one.
            trouble: what goes wrong.
            corrections: a file of corrected rows.
            lines: what the list's file contains; None for the current list.
        """
        name = name or self.name
        self._write_list(name, self.lines if lines is None else lines)
        return self._invoke(lambda stack: self._run(name, trouble, corrections, stack), trouble)

    def start_both(self, first: str, second: str, trouble: Trouble) -> tuple[End, End]:
        """Start the list under two names at once, and return how both ended."""
        for name in (first, second):
            self._write_list(name, self.lines)

        async def both(stack: ExitStack) -> list[FinishedRun | BaseException]:
            starts = (self._run(name, trouble, None, stack) for name in (first, second))
            return await asyncio.gather(*starts, return_exceptions=True)

        found: list[FinishedRun | BaseException] = []
        self._prepare(trouble)
        with self._machine(), ExitStack() as stack:
            found = asyncio.run(both(stack))
        ends = [self._end(each) for each in found]
        return ends[0], ends[1]

    def resume(self, run: Run, *, retry: RetryChoice | None = None, trouble: Trouble = CALM) -> End:
        """Resume a run, or retry its failed rows."""

        async def continue_(stack: ExitStack) -> FinishedRun:
            ledger = stack.enter_context(open_mortal(self.ledger, self.clock, self.wire, trouble.kill))
            arguments = self._arguments(run.job, run.run_key, trouble)
            async with arguments["dvs"]:
                return await resume_run(ledger.runs.again(run), ledger=ledger, retry=retry, **arguments)

        return self._invoke(continue_, trouble)

    def rebuild(self, run: Run | None = None, *, name: str | None = None, kill: Kill | None = None) -> End:
        """Rebuild a run of an old ledger, or the list's if its ledger is lost, from the provider's transactions.

        Args:
            run: the run; None for the list's.
            name: the name of the list or the job; None for the current one.
            kill: when the process dies; None if it does not.
        """
        name = name or self.name
        self._write_list(name, self.lines)

        async def again(stack: ExitStack) -> None:
            ledger = stack.enter_context(open_mortal(self.ledger, self.clock, self.wire, kill))
            async with self._client() as dvs:
                if run is None:
                    await rebuild(self._job(name), dvs=dvs, payer=self._payer, ledger=ledger, clock=self.clock)
                else:
                    await rebuild_run(run, dvs=dvs, payer=self._payer, ledger=ledger, clock=self.clock)

        return self._invoke(again, CALM)

    def reconcile(self, run: Run) -> End:
        """Compare a run with the provider, and apply what its transactions prove."""

        async def compare(stack: ExitStack) -> None:
            ledger = stack.enter_context(LedgerStore(self.ledger, clock=self.clock))
            async with self._client() as dvs:
                await reconcile(dvs=dvs, payer=self._payer, ledger=ledger, run=run, is_applied=True, clock=self.clock)

        return self._invoke(compare, CALM)

    def runs(self) -> list[Run]:
        """Return the ledger's runs that were created in this period."""
        if not self.ledger.exists():
            return []
        with self.opened() as ledger:
            return [run for run in ledger.runs.all() if run.created_at >= self.period.start]

    def runs_with(self, *states: RowState) -> list[Run]:
        """Return the runs of this period that have rows in one of these states."""
        if not (runs := self.runs()):
            return []
        with self.opened() as ledger:
            return [run for run in runs if any(ledger.rows.counts(run)[state] for state in states)]

    def opened(self) -> LedgerStore:
        """Return the ledger, open."""
        with self._machine():
            return LedgerStore(self.ledger, clock=self.clock)

    def report_folder(self, run: Run) -> Path:
        """Return the folder of a run's report."""
        return self.folder / "reports" / file_name(run.job, run.run_key)

    def save_backup(self) -> None:
        """Copy the ledger, or its absence."""
        shutil.rmtree(self.backup, ignore_errors=True)
        self.backup.mkdir()
        for file in self.folder.glob("ledger.db*"):
            shutil.copy(file, self.backup)

    def restore_backup(self) -> None:
        """Replace the ledger by its backup, which knows nothing of what was done since."""
        for file in self.folder.glob("ledger.db*"):
            file.unlink()
        for file in self.backup.iterdir():
            shutil.copy(file, self.folder)

    def let_pass(self, until: datetime) -> None:
        """Let time pass; what is on its way arrives meanwhile, and not a day later with the next request."""
        self.deliver_everything()
        self.clock.move_to(until)

    def deliver_everything(self) -> None:
        """Let all requests arrive that are still on their way."""
        asyncio.run(self.wire.arrive(everything=True))

    @property
    def _payer(self) -> PayingAccount:
        return PayingAccount(
            environment=Environment.PREPROD, account=self._config.api_key, same_account=self.says_same_account
        )

    def _invoke(self, work: Callable[[ExitStack], Awaitable[Any]], trouble: Trouble) -> End:
        self._prepare(trouble)

        async def caught() -> Any:
            with ExitStack() as stack:
                return await work(stack)

        with self._machine():
            try:
                found = asyncio.run(caught())
            except BaseException as error:  # noqa: BLE001 - the judge decides what it means
                found = error
        return self._end(found)

    def _prepare(self, trouble: Trouble) -> None:
        self.wire.fates.clear()
        self.wire.fates.extend(trouble.fates)
        self.wire.is_dead = False

    def _end(self, found: Any) -> End:
        if isinstance(found, BaseException):
            if is_death(found):
                return self._saved(End(code=None))
            if isinstance(found, KeyboardInterrupt | SystemExit):
                raise found
            return self._saved(End(code=end_of(found, None, has_started=True).code, error=found))
        if isinstance(found, FinishedRun):
            return self._saved(End(code=end_of(None, found, has_started=True).code, finished=found))
        return self._saved(End(code=0))

    def _saved(self, end: End) -> End:
        self.ends.append(end)
        return end

    async def _run(self, name: str, trouble: Trouble, corrections: Path | None, stack: ExitStack) -> FinishedRun:
        job = self._job(name)
        ledger = stack.enter_context(open_mortal(self.ledger, self.clock, self.wire, trouble.kill))
        arguments = self._arguments(job.name, str(job.run_key), trouble)
        async with arguments["dvs"]:
            return await run_list(job, ledger=ledger, corrections=corrections, repetition=Repetition(), **arguments)

    def _job(self, name: str) -> Job:
        """Return the job that a name means now, as a command reads it."""
        settings: dict[str, object] = {"list": str(self._list_file(name)), "environment": "preprod"}
        if self.is_job:
            settings |= {"name": name, "run_key": _MONTH}
        job = Job.model_validate(
            settings
            | {"default_country": "SG", "allow_duplicates": self.has_duplicates, "skip_refused": self.skips_refused}
        )
        zone = zone_of(job, self.ledger)
        job = in_zone(job, zone).at(zone.today(self.clock), self.folder)
        return named_as_known_run(job, self.ledger)

    def _arguments(self, job: str, run_key: str, trouble: Trouble) -> dict[str, Any]:
        report = ReportOptions(folder=self.folder / "reports" / file_name(job, run_key), formats=(ReportFormat.JSONL,))
        return {
            "dvs": self._client(),
            "payer": self._payer,
            "options": RunOptions(
                concurrency=trouble.concurrency,
                polling=PollPolicy(shortest=1, longest=5),
                circuit=CircuitPolicy(failures=3, first_pause=1, patience=200),
                tracking_timeout=400,
            ),
            "report": report,
            "watcher": _Watcher(is_stopped=trouble.is_stopped),
            "clock": self.clock,
        }

    def _client(self) -> AsyncDVS:
        policy = RetryPolicy(tries=2, first_wait=0.01, throttled_tries=2)
        key, secret = self._config.api_key, self._config.api_secret
        dvs = AsyncDVS(_ADDRESS, key, secret, timeout=TIMEOUT, rate=1000, retries=policy, clock=self.clock)
        dvs._transport = self.wire  # noqa: SLF001 - everything is real except the wire
        return dvs

    def _list_file(self, name: str) -> Path:
        return self.folder / f"{'pay' if self.is_job else name}.csv"

    def _write_list(self, name: str, lines: list[Line]) -> None:
        text = as_csv(lines, has_references=self.has_references)
        self._list_file(name).write_text(text, encoding="utf-8", newline="")

    @contextmanager
    def _machine(self) -> Iterator[None]:
        """Have the time zone, the PIN keys and the program's version of the office while the block runs."""
        changed = {"TZ": self.zone, FILE_VARIABLE: str(self.folder / "pin.key")}
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        time.tzset()
        try:
            with ExitStack() as stack:
                # Comparing this machine's zone with its name takes longer than anything else of a short list.
                for module in (comparison, time_zone):
                    stack.enter_context(patch.object(module, "machine_zone_name", lambda: self.zone))
                # An earlier version computed the external IDs of new runs otherwise.
                if self.is_earlier:
                    stack.enter_context(patch.object(prepare_job, "choose_ids", _choose_earlier_ids))
                yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
            time.tzset()


class _Watcher:
    """Confirms everything, and stops a run before it sends anything if asked to."""

    def __init__(self, *, is_stopped: bool) -> None:
        self._is_stopped = is_stopped

    def prepared(self, *_: object) -> None:
        """Ignore the plan."""

    def confirm(self, *_: object) -> None:
        """Confirm."""

    @contextmanager
    def running(self, _run: Run, runner: Runner) -> Iterator[None]:
        """Stop the run at once, or let it go on."""
        if self._is_stopped:
            runner.stop("Stopped")
        yield


async def _choose_earlier_ids(job: Job, run: Run | None, **_: object) -> RunIds:
    """Return what an earlier version computes external IDs from."""
    return run.ids if run is not None else RunIds.of_name(job.name, str(job.run_key), IdentityVersion.AS_WRITTEN)
