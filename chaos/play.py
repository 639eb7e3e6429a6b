"""Plays a scenario in its own folder: real runners and a real sandbox, everything that breaks, then a check."""

import json
import os
import re
import shlex
import shutil
import signal
import time
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from chaos import proxy, runner
from chaos.breakage import Breakage
from chaos.checker import FINISHED, check
from chaos.damage import LedgerFiles
from chaos.evidence import read_evidence
from chaos.lists import PayList
from chaos.plan import JOB, LATE_PACE, ZONES, Scenario, Start, Strike
from chaos.processes import POLL_INTERVAL, Process, start_fork, start_python
from chaos.provider import SECRETS, Provider, free_port, wait_until_served

#: The job file of scenarios at the end of a month.
JOB_TEXT: Final = 'run_key = "{today:%Y-%m}"\nlist = "bonus.csv"\nskip_refused = true\n'
#: Codes of starts that end with nothing left to do where several runs may have paid.
SETTLED: Final = FINISHED | {3}
#: What a start says of rows that its run does not have, if nothing else is left to send.
ADD: Final = "Add --add"
#: The command that rebuilds a run whose ledger lacks transactions, as messages show it.
REBUILD: Final = re.compile(r"`bulk-topup (reconcile --rebuild [^`]*)`")
#: Seconds from before a month's last midnight until after it.
MINUTES_LATER: Final = 1200.0
#: Maximum clean starts until the run must be finished.
CLEAN_STARTS: Final = 6
#: Short waits for outcomes; the defaults of the product are for DVS.
WAITS: Final = ("--poll-interval", "0.05", "--timeout", "1")


@dataclass(kw_only=True, slots=True)
class Played:
    """The result of a scenario."""

    seed: int
    kinds: list[str]
    #: What is wrong; empty if nothing.
    complaints: list[str]
    folder: Path
    #: Starts of the runner, and restarts of the sandbox.
    starts: int = 0
    restarts: int = 0
    rows: int = 0
    seconds: float = 0.0
    #: How each start ended: an exit code or a signal.
    ends: list[str] = field(default_factory=list)


def play(scenario: Scenario, folder: Path) -> Played:
    """Play a scenario and check its results; an error of the campaign itself is a complaint too.

    Args:
        scenario: the scenario.
        folder: where to play it; its contents are deleted first.
    """
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    stage = _Stage(scenario, folder)
    played = Played(
        seed=scenario.seed,
        kinds=scenario.kinds,
        complaints=stage.complaints,
        folder=folder,
        rows=len(scenario.list_.lines),
    )
    try:
        stage.play()
        stage.complaints += check(read_evidence(folder))
    except Exception:  # noqa: BLE001 - one broken scenario must not stop the campaign
        stage.complaints.append(f"The scenario failed: {traceback.format_exc()}")
    finally:
        stage.kill_all()
    played.starts, played.restarts, played.ends = len(stage.exits), stage.provider.restarts, stage.ends
    played.seconds = time.monotonic() - started
    return played


class _Stage:
    """The folder, the provider and the starts of one scenario."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self._folder = folder
        self._draws = Random(scenario.seed)
        self._work = folder / "work"
        for name in ("work/ledger", "work/reports", "lists", "outputs", "provider"):
            (folder / name).mkdir(parents=True)
        self._ledger = LedgerFiles(self._work / "ledger" / "ledger.db", folder / "backup")
        #: Not drawn from the scenario, since two campaigns at the same time must choose different ports.
        self._ports = Random()
        self.provider = Provider(folder / "provider", free_port(self._ports))
        self._proxy: Process | None = None
        self._url = self.provider.url
        self._versions = 0
        #: Whether the ledger is damaged now, and whether it ever was.
        self._is_damaged = self._was_damaged = False
        #: Whether the account was given new credentials, or another address.
        self._has_other_account = False
        #: How far the machines' clocks are ahead; at the end of a month, so far that it is ten minutes before its end.
        self._ahead = _until_month_end() if scenario.is_month_end else 0.0
        self._is_after_midnight = False
        self._running: list[Process] = []
        self.exits: list[dict[str, object]] = []
        self.ends: list[str] = []
        self.complaints: list[str] = []

    def play(self) -> None:
        """Play every start of the scenario, then clean ones until the run is finished."""
        self._write_list(self._scenario.list_)
        if self._scenario.is_month_end:
            (self._work / JOB).write_text(JOB_TEXT)
        self.provider.start()
        self.provider.wait_until_served()
        if self._scenario.has_bad_network:
            self._start_proxy()
        for start in self._scenario.starts:
            if start.edited is not None:
                self._write_list(start.edited)
            if start.damage is not None:
                self._ledger.damage(start.damage, self._draws)
                self._was_damaged = self._is_damaged = True
            if start.rotates_credentials and not self._has_other_account:
                self._rotate_credentials()
            self.provider.set_faults(start.faults)
            self._play_start(start)
            self._ledger.copy_once()
        self.provider.set_faults(())
        if self._scenario.is_late and self._proxy is not None:
            self._proxy.send(signal.SIGUSR1)
        for _ in range(CLEAN_STARTS):
            if self._is_finished():
                break
        facts = {
            "secrets": list(SECRETS),
            "is_hold_mode": self._scenario.is_hold_mode,
            "is_ledger_lost": self._was_damaged,
            "has_several_runs": self._scenario.has_several_runs,
        }
        (self._folder / "facts.json").write_text(json.dumps(facts))
        (self._folder / "books.json").write_bytes(self.provider.books())
        (self._folder / "pins.json").write_text(json.dumps(self.provider.pins()))
        (self._folder / "exits.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in self.exits))

    def _is_finished(self) -> bool:
        """Play clean starts, and return True if nothing is left to do."""
        if not self._scenario.has_several_runs:
            code = self._play_start(Start(kinds=()))
            if code == 3 and ADD in self._running[-1].output.read_text():  # all was paid before the list grew
                code = self._play_start(Start(kinds=(), is_added=True))
            if code == 1 and self._scenario.is_late:  # what was refused is tried again, and then paid
                code = self._play_start(Start(kinds=(), command="retry"))
            return code in FINISHED
        starts = [Start(kinds=(), list_name=name, zone=zone) for name in self._scenario.names for zone in self._zones()]
        codes = [self._play_start(replace(start, is_after_midnight=self._is_after_midnight)) for start in starts]
        resumed = [self._resume(run) for run in self._runs()]
        return SETTLED.issuperset(codes) and FINISHED.issuperset(resumed)

    def _zones(self) -> Sequence[str | None]:
        return ZONES if self._scenario.is_month_end else (None,)

    def _runs(self) -> list[str]:
        """Return the names of the ledger's runs."""
        process = self._start_command(["status", "--json"], "status")
        process.wait(self._scenario.patience)
        text = process.output.read_text()
        return [run["run"] for run in json.loads(text)] if process.code == 0 else []

    def _resume(self, run: str) -> int:
        breakage = self._with_clock(Breakage())
        process = self._start_command(["resume", run, *self._options()], "resume", breakage=breakage)
        if not process.wait(self._scenario.patience):
            self._kill_hung(process)
        self._record_exit("resume", process, killed=False)
        return process.code or 0

    def _rotate_credentials(self) -> None:
        """Change the credentials; a start that does not say that it is the same account has to send nothing."""
        self.provider.rotate_credentials()
        before = self.provider.created()
        had_run = bool(self._runs())
        code = self._play_start(Start(kinds=()))
        if had_run and (code in FINISHED or self.provider.created() > before):
            self.complaints.append(f"Other account: a start with other credentials ended with {code}.")
        self._has_other_account = True

    def kill_all(self) -> None:
        """Kill every process that was started."""
        for process in (*self._running, *([self._proxy] if self._proxy else [])):
            process.kill()
        self.provider.kill()

    def _start_proxy(self) -> None:
        port = free_port(self._ports)
        kind = "late" if self._scenario.is_late else "bad"
        arguments = [str(port), str(self.provider.port), str(self._scenario.seed), kind]
        output = self._folder / "outputs" / "proxy.txt"
        self._proxy = start_fork(proxy.main, arguments, folder=self._folder, environment={}, output=output)
        self._url = f"http://127.0.0.1:{port}"
        wait_until_served(port, self._proxy)

    def _write_list(self, list_: PayList) -> None:
        self._versions += 1
        for name in self._scenario.names:
            (self._work / name).write_text(list_.text(), newline="")
        (self._folder / "lists" / f"{self._versions:02}.csv").write_text(list_.evidence(), newline="")

    def _play_start(self, start: Start) -> int:
        """Play one start and return its exit code; a damaged ledger that it refuses is deleted afterwards."""
        with self._ledger.read_only() if start.is_read_only else nullcontext():
            process = self._start(start)
            other = Start(
                kinds=(),
                list_name=start.rival_name,
                zone=start.rival_zone,
                is_after_midnight=start.is_after_midnight,
            )
            rival = self._start(other) if start.has_rival else None
            was_struck = self._supervise(process, start)
        self._record_exit(start.command, process, killed=was_struck or start.breakage.instant is not None)
        if rival is not None:
            if not rival.wait(self._scenario.patience):
                self._kill_hung(rival)
            self._record_exit("run", rival, killed=False)
        code = process.code if process.code is not None else 0
        if self._is_damaged and code == 3 and "ledger" in process.output.read_text():
            # A user deletes a ledger that the command refuses, and runs the list again.
            self._ledger.lose()
            self._is_damaged = False
        if code == 75 and (told := REBUILD.search(process.output.read_text())):
            self._rebuild(told[1])
        return code

    def _rebuild(self, command: str) -> None:
        """Run the command that rebuilds a run, as the output of a start shows it."""
        words = shlex.split(command)
        words += [] if "--base-url" in words else ["--base-url", f"{self._url}/v1"]
        process = self._start_command(words, "reconcile")
        if not process.wait(self._scenario.patience):
            self._kill_hung(process)
        self._record_exit("reconcile", process, killed=False)

    def _start(self, start: Start) -> Process:
        name = JOB if self._scenario.is_month_end else start.list_name
        run = f"list/{Path(start.list_name).stem}"
        arguments = [start.command, name if start.command == "run" else run, *self._options()]
        arguments += {"run": self._scenario.options, "resume": (), "retry": ("--all-failed",)}[start.command]
        arguments += ["--add"] if start.is_added else []
        self._is_after_midnight = start.is_after_midnight
        breakage = self._with_clock(replace(start.breakage, sabotage=self._scenario.sabotage))
        zone = start.zone if start.command == "run" else None
        return self._start_command(
            arguments, start.command, breakage=breakage, zone=zone, is_new_process=start.is_new_process
        )

    def _with_clock(self, breakage: Breakage) -> Breakage:
        """Return a breakage with the scenario's clock."""
        if self._scenario.is_month_end:
            ahead = self._ahead + (MINUTES_LATER if self._is_after_midnight else 0.0)
            return replace(breakage, clock=((0, ahead),))
        return replace(breakage, pace=LATE_PACE) if self._scenario.is_late else breakage

    def _options(self) -> list[str]:
        same = ["--same-account"] if self._has_other_account else []
        return ["--base-url", f"{self._url}/v1", *WAITS, *same]

    def _start_command(
        self,
        arguments: Sequence[str],
        name: str,
        *,
        breakage: Breakage | None = None,
        zone: str | None = None,
        is_new_process: bool = False,
    ) -> Process:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "COLUMNS": "200",
            "DVS_API_KEY": self.provider.key,
            "DVS_API_SECRET": self.provider.secret,
        }
        environment |= {} if zone is None else {"TZ": zone}
        options = [] if breakage is None else breakage.arguments
        arguments = [*options, "--", *arguments, "--ledger", str(self._ledger.path)]
        output = self._folder / "outputs" / f"{len(self._running):02}-{name}.txt"
        if is_new_process:
            process = start_python("chaos.runner", arguments, folder=self._work, environment=environment, output=output)
        else:
            process = start_fork(runner.main, arguments, folder=self._work, environment=environment, output=output)
        self._running.append(process)
        return process

    def _supervise(self, process: Process, start: Start) -> bool:
        """Wait until a runner ends, cause strike and outage meanwhile, and return True if it was struck."""
        started, before = time.monotonic(), self.provider.created()
        strike, outage = start.strike, start.outage
        back_at: float | None = None
        was_struck = False
        while not process.has_ended():
            passed = time.monotonic() - started
            if strike is not None and self._is_due(strike, passed, before):
                process.send(strike.number)
                was_struck, strike = True, None
            if outage is not None and passed >= outage[0]:
                self.provider.kill()
                back_at, outage = passed + outage[1], None
            if back_at is not None and passed >= back_at:
                self.provider.start(start.faults)
                back_at = None
            if passed > self._scenario.patience:
                self._kill_hung(process)
            time.sleep(POLL_INTERVAL)
        if back_at is not None:
            self.provider.start()
        self.provider.wait_until_served()
        return was_struck

    def _is_due(self, strike: Strike, passed: float, before: int) -> bool:
        return passed >= strike.seconds or (strike.created > 0 and self.provider.created() - before >= strike.created)

    def _kill_hung(self, process: Process) -> None:
        self.complaints.append(
            f"Hung: a start did not end within {self._scenario.patience:.0f} s. See {process.output}."
        )
        process.kill()

    def _record_exit(self, command: str, process: Process, *, killed: bool) -> None:
        code = process.code if process.code is not None else 0
        self.exits.append({"command": command, "code": code, "killed": killed and code < 0})
        self.ends.append(f"exit {code}" if code >= 0 else signal.Signals(-code).name)


def _until_month_end() -> float:
    """Return the whole seconds until ten minutes before the end of the month in the first of the zones."""
    now = datetime.now(ZoneInfo(ZONES[0]))
    end = (now.replace(day=28) + timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return float(int((end - now).total_seconds()) - 600)
