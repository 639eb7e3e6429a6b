"""Plays a scenario in its own folder: real runners and a real sandbox, everything that breaks, then a check."""

import json
import os
import shutil
import signal
import time
import traceback
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

from bulk_topup.domain.exit_codes import ExitCode
from chaos import proxy, runner
from chaos.checker import FINISHED, check
from chaos.damage import LedgerFiles
from chaos.evidence import read_evidence
from chaos.plan import Scenario, Start, Strike
from chaos.processes import POLL_INTERVAL, Process, start_fork, start_python
from chaos.provider import KEY, SECRET, Provider, free_port, wait_until_served

#: The file of the list, which names the run.
LIST: Final = "bonus.csv"
RUN: Final = "list/bonus"
#: Maximum clean starts until the run must be finished.
CLEAN_STARTS: Final = 6
#: What the message says of a ledger that lacks payments of its run.
BEHIND: Final = "is older than run"
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


def play(scenario: Scenario, folder: Path, *, sabotage: str | None = None) -> Played:
    """Play a scenario and check its results; an error of the campaign itself is a complaint too.

    Args:
        scenario: the scenario.
        folder: where to play it; its contents are deleted first.
        sabotage: a fault of the product in every start, see chaos.breakage.SABOTAGES.
    """
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    stage = _Stage(scenario, folder, sabotage)
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

    def __init__(self, scenario: Scenario, folder: Path, sabotage: str | None) -> None:
        self._scenario = scenario
        self._folder = folder
        self._sabotage = sabotage
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
        self._running: list[Process] = []
        self.exits: list[dict[str, object]] = []
        self.ends: list[str] = []
        self.complaints: list[str] = []

    def play(self) -> None:
        """Play every start of the scenario, then clean ones until the run is finished."""
        self._write_list(self._scenario.list_.text())
        self.provider.start()
        self.provider.wait_until_served()
        if self._scenario.has_bad_network:
            self._start_proxy()
        for start in self._scenario.starts:
            if start.edited is not None:
                self._write_list(start.edited.text())
            if start.damage is not None:
                self._ledger.damage(start.damage, self._draws)
                self._was_damaged = self._is_damaged = True
            self.provider.set_faults(start.faults)
            self._play_start(start)
            self._ledger.copy_once()
        self.provider.set_faults(())
        for _ in range(CLEAN_STARTS):
            if self._play_start(Start(kinds=())) in FINISHED:
                break
        facts = {
            "secrets": [SECRET],
            "is_hold_mode": self._scenario.is_hold_mode,
            "is_ledger_lost": self._was_damaged,
        }
        (self._folder / "facts.json").write_text(json.dumps(facts))
        (self._folder / "books.json").write_bytes(self.provider.books())
        (self._folder / "pins.json").write_text(json.dumps(self.provider.pins()))
        (self._folder / "exits.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in self.exits))

    def kill_all(self) -> None:
        """Kill every process that was started."""
        for process in (*self._running, *([self._proxy] if self._proxy else [])):
            process.kill()
        self.provider.kill()

    def _start_proxy(self) -> None:
        port = free_port(self._ports)
        arguments = [str(port), str(self.provider.port), str(self._scenario.seed)]
        output = self._folder / "outputs" / "proxy.txt"
        self._proxy = start_fork(proxy.main, arguments, folder=self._folder, environment={}, output=output)
        self._url = f"http://127.0.0.1:{port}"
        wait_until_served(port, self._proxy)

    def _write_list(self, text: str) -> None:
        self._versions += 1
        for path in (self._work / LIST, self._folder / "lists" / f"{self._versions:02}.csv"):
            path.write_text(text, newline="")

    def _play_start(self, start: Start) -> int:
        """Play one start and return its exit code; a damaged ledger that it refuses is deleted afterwards."""
        with self._ledger.read_only() if start.is_read_only else nullcontext():
            process = self._start(start)
            rival = self._start(Start(kinds=())) if start.has_rival else None
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
        if code == ExitCode.RESUMABLE and BEHIND in process.output.read_text():
            # A user does what the message says.
            self._play_start(Start(kinds=(), command="reconcile"))
        return code

    def _start(self, start: Start) -> Process:
        arguments = [start.command, LIST if start.command == "run" else RUN]
        arguments += ["--base-url", f"{self._url}/v1", "--ledger", str(self._ledger.path)]
        more = {"run": self._scenario.options, "resume": (), "retry": ("--all-failed",)}
        arguments += ["--rebuild"] if start.command == "reconcile" else [*WAITS, *more[start.command]]
        breakage = replace(start.breakage, sabotage=self._sabotage)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "COLUMNS": "200",
            "DVS_API_KEY": KEY,
            "DVS_API_SECRET": SECRET,
        }
        arguments = [*breakage.arguments, "--", *arguments]
        output = self._folder / "outputs" / f"{len(self._running):02}-{start.command}.txt"
        if start.is_new_process:
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
