"""Plays a scenario in a folder of its own: real runners, a real sandbox, everything that goes wrong, then a check."""

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

from chaos import proxy, runner
from chaos.checker import FINISHED, check
from chaos.damage import LedgerFiles
from chaos.evidence import read_evidence
from chaos.plan import Scenario, Start, Strike
from chaos.processes import LOOK, Process, executed, forked
from chaos.provider import KEY, SECRET, Provider, free_port, wait_until_served

#: The list's file, and so the run's name.
LIST: Final = "bonus.csv"
RUN: Final = "list/bonus"
#: Clean starts, at most, until the run must have ended by itself.
CLEAN_STARTS: Final = 6
#: What is waited for outcomes in a scenario; the product's own values are for real providers.
PACE: Final = ("--poll-interval", "0.05", "--timeout", "1")


@dataclass(kw_only=True, slots=True)
class Played:
    """How a scenario ended."""

    seed: int
    kinds: list[str]
    #: What is wrong; empty when all is well.
    complaints: list[str]
    folder: Path
    #: Starts of the runner, and starts of the sandbox after its first.
    starts: int = 0
    restarts: int = 0
    rows: int = 0
    seconds: float = 0.0
    #: Starts by the name of what ended them: an exit code or a signal.
    ends: list[str] = field(default_factory=list)


def play(scenario: Scenario, folder: Path, *, sabotage: str | None = None) -> Played:
    """Play a scenario and check what it left behind; what goes wrong with the campaign itself is a complaint too.

    Args:
        scenario: what happens.
        folder: where; whatever it held is deleted.
        sabotage: how the product is made wrong in every start, see chaos.breakage.SABOTAGES.
    """
    begun = time.monotonic()
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
    except Exception:  # noqa: BLE001 - one broken scenario must not end the campaign
        stage.complaints.append(f"The scenario broke off: {traceback.format_exc()}")
    finally:
        stage.end()
    played.starts, played.restarts, played.ends = len(stage.exits), stage.provider.restarts, stage.ends
    played.seconds = time.monotonic() - begun
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
        #: Two campaigns at the same time must not choose the same ports, so these draws are not the scenario's.
        self._ports = Random()
        self.provider = Provider(folder / "provider", free_port(self._ports))
        self._wire: Process | None = None
        self._url = self.provider.url
        self._versions = 0
        #: Whether the ledger is damaged now, and whether it ever was.
        self._is_damaged = self._forgets = False
        self._running: list[Process] = []
        self.exits: list[dict[str, object]] = []
        self.ends: list[str] = []
        self.complaints: list[str] = []

    def play(self) -> None:
        """Play every start of the scenario, then clean ones until the run ends by itself."""
        self._put_list(self._scenario.list_.text())
        self.provider.start()
        self.provider.wait_until_it_answers()
        if self._scenario.has_bad_wire:
            self._lay_wire()
        for start in self._scenario.starts:
            if start.edited is not None:
                self._put_list(start.edited.text())
            if start.damage is not None:
                self._ledger.damage(start.damage, self._draws)
                self._forgets = self._is_damaged = True
            self.provider.set_faults(start.faults)
            self._play_start(start)
            self._ledger.keep_copy()
        self.provider.set_faults(())
        for _ in range(CLEAN_STARTS):
            if self._play_start(Start(kinds=())) in FINISHED:
                break
        told = {"secrets": [SECRET], "holds": self._scenario.holds, "forgets": self._forgets}
        (self._folder / "told.json").write_text(json.dumps(told))
        (self._folder / "books.json").write_bytes(self.provider.books())
        (self._folder / "pins.json").write_text(json.dumps(self.provider.pins()))
        (self._folder / "exits.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in self.exits))

    def end(self) -> None:
        """End every process that was started."""
        for process in (*self._running, *([self._wire] if self._wire else [])):
            process.kill()
        self.provider.kill()

    def _lay_wire(self) -> None:
        port = free_port(self._ports)
        words = [str(port), str(self.provider.port), str(self._scenario.seed)]
        output = self._folder / "outputs" / "wire.txt"
        self._wire = forked(proxy.main, words, folder=self._folder, environment={}, output=output)
        self._url = f"http://127.0.0.1:{port}"
        wait_until_served(port, self._wire)

    def _put_list(self, text: str) -> None:
        self._versions += 1
        for path in (self._work / LIST, self._folder / "lists" / f"{self._versions:02}.csv"):
            path.write_text(text, newline="")

    def _play_start(self, start: Start) -> int:
        """Play one start to its end and give its exit code; a damaged ledger that it refuses is deleted afterwards."""
        with self._ledger.read_only() if start.read_only else nullcontext():
            process = self._begin(start)
            rival = self._begin(Start(kinds=())) if start.has_rival else None
            struck = self._watch(process, start)
        self._note(start.command, process, killed=struck or start.breakage.instant is not None)
        if rival is not None:
            if not rival.wait(self._scenario.patience):
                self._hung(rival)
            self._note("run", rival, killed=False)
        code = process.code if process.code is not None else 0
        if self._is_damaged and code == 3 and "ledger" in process.output.read_text():
            # What a person does with a ledger that the command refuses: it is deleted, and the list is started again.
            self._ledger.lose()
            self._is_damaged = False
        return code

    def _begin(self, start: Start) -> Process:
        words = [start.command, LIST if start.command == "run" else RUN]
        words += ["--base-url", f"{self._url}/v1", "--ledger", str(self._ledger.path), *PACE]
        words += {"run": self._scenario.options, "resume": (), "retry": ("--all-failed",)}[start.command]
        breakage = replace(start.breakage, sabotage=self._sabotage)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "COLUMNS": "200",
            "DVS_API_KEY": KEY,
            "DVS_API_SECRET": SECRET,
        }
        everything = [*breakage.words, "--", *words]
        output = self._folder / "outputs" / f"{len(self._running):02}-{start.command}.txt"
        if start.is_new_process:
            process = executed("chaos.runner", everything, folder=self._work, environment=environment, output=output)
        else:
            process = forked(runner.main, everything, folder=self._work, environment=environment, output=output)
        self._running.append(process)
        return process

    def _watch(self, process: Process, start: Start) -> bool:
        """Look on until a runner ends, and let happen what comes from outside; tell whether it was killed by us."""
        begun, before = time.monotonic(), self.provider.created()
        strike, outage = start.strike, start.outage
        back_at: float | None = None
        struck = False
        while not process.is_over():
            passed = time.monotonic() - begun
            if strike is not None and self._is_due(strike, passed, before):
                process.send(strike.number)
                struck, strike = True, None
            if outage is not None and passed >= outage[0]:
                self.provider.kill()
                back_at, outage = passed + outage[1], None
            if back_at is not None and passed >= back_at:
                self.provider.start(start.faults)
                back_at = None
            if passed > self._scenario.patience:
                self._hung(process)
            time.sleep(LOOK)
        if back_at is not None:
            self.provider.start()
        self.provider.wait_until_it_answers()
        return struck

    def _is_due(self, strike: Strike, passed: float, before: int) -> bool:
        return passed >= strike.seconds or (strike.created > 0 and self.provider.created() - before >= strike.created)

    def _hung(self, process: Process) -> None:
        self.complaints.append(
            f"Hung: a start did not end within {self._scenario.patience:.0f} s, see {process.output}."
        )
        process.kill()

    def _note(self, command: str, process: Process, *, killed: bool) -> None:
        code = process.code if process.code is not None else 0
        self.exits.append({"command": command, "code": code, "killed": killed and code < 0})
        self.ends.append(f"exit {code}" if code >= 0 else signal.Signals(-code).name)
