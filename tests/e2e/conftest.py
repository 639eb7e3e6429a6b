"""The command as a process or in this one, and the provider's books to check what it did."""

import base64
import csv
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bulk_topup.app.doctor.other_ledgers import Places
from bulk_topup.cli import main
from bulk_topup.cli.commands import doctor

COMMAND = Path(sys.executable).with_name("bulk-topup")
#: Seconds that a test waits for a process or a condition before it fails.
PATIENCE = 120


@pytest.fixture
def real_time() -> None:
    """Let waits take their time in a test where a server, or what a run does before a deadline, must be quicker."""


@pytest.fixture(autouse=True)
def one_clock(request: pytest.FixtureRequest) -> None:
    """Skip waits, unless a test has processes, whose time is the machine's: then the sandbox has the same."""
    if not {"start", "command", "terminal", "real_time"} & set(request.fixturenames):
        request.getfixturevalue("skipped_waits")


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What this machine has for `doctor` in this process: no users, crontabs and units but those that a test adds."""
    found: dict[str, Any] = {"homes": {}, "user": "amina"}
    monkeypatch.setattr(doctor, "places_of_machine", lambda: Places(**found))
    return found


@pytest.fixture
def environment(tmp_path: Path, credentials: tuple[str, str]) -> dict[str, str]:
    """A clean environment with credentials, without the settings of this machine's user."""
    key, secret = credentials
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "COLUMNS": "200",
        "DVS_API_KEY": key,
        "DVS_API_SECRET": secret,
    }


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Yield a function that starts the command, in the temporary folder unless told, and kill what runs at the end."""
    started: list[subprocess.Popen[str]] = []

    def popen(*words: object, folder: Path | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [COMMAND, *map(str, words)],
            cwd=folder or tmp_path,
            env=environment_for(words, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def command(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Any]:
    """Return a function that runs the command to its end, and checks its exit code and that it prints no traceback."""

    def run(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        process = start(*words)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run


def environment_for(words: tuple[object, ...], environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of a command; only one that is pointed to the test's sandbox has its credentials."""
    if {"--base-url", "--env"} & set(map(str, words)):
        return environment
    return {name: value for name, value in environment.items() if name not in {"DVS_API_KEY", "DVS_API_SECRET"}}


def _speed_up(words: tuple[object, ...]) -> tuple[object, ...]:
    """Return the arguments, for a command that pays with a high rate and quick polls."""
    if words[0] not in {"run", "resume", "retry"}:
        return words
    rate = () if "--rate" in words else ("--rate", 1000)
    # A run that receives callbacks polls rarely by default.
    polls = () if {"--poll-interval", "--listen"} & set(map(str, words)) else ("--poll-interval", 0.05)
    return (*words, *rate, *polls)


@pytest.fixture
def invoke(tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that runs the command in this process, which is quicker than `command`."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object, code: int = 0) -> Result:
        variables = environment_for(words, environment)
        result = CliRunner().invoke(main, list(map(str, _speed_up(words))), env=variables)
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert result.exit_code == code, f"exit code {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    return run


@pytest.fixture
def pay(invoke: Callable[..., Any], sandbox: Any) -> Callable[..., Any]:
    """Return a function that runs a command against the test's sandbox with a ledger in the temporary folder."""

    def run(*words: object, code: int = 0) -> Result:
        result = invoke(*words, *sandbox_options(sandbox), code=code)
        assert "test-secret-9f3a" not in result.stdout + result.stderr
        return result  # type: ignore[no-any-return]

    return run


def sandbox_options(sandbox: Any) -> tuple[str, ...]:
    """Return the options that point a command to a sandbox."""
    return ("--base-url", sandbox.base_url, "--ledger", "ledger.db")


@pytest.fixture
def options(sandbox: Any) -> tuple[str, ...]:
    """The options that point a command to the test's sandbox."""
    return sandbox_options(sandbox)


@pytest.fixture
def books(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], dict[str, Any]]:
    """Return a function that reads the provider's books."""
    token = base64.b64encode(":".join(credentials).encode()).decode()

    def read() -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the sandbox's own loopback address
            sandbox.books_url, headers={"Authorization": f"Basic {token}"}
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310
            found: dict[str, Any] = json.loads(response.read(), parse_float=Decimal)
            return found

    return read


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits for a condition in another process.

    Real time because no event of ours tells of another process.
    """

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "the condition was not met in time"
            time.sleep(0.005)

    return wait


@pytest.fixture
def results(tmp_path: Path) -> Callable[[str], list[dict[str, str]]]:
    """Return a function that reads the rows of a run's report by its folder's name."""

    def read(name: str) -> list[dict[str, str]]:
        with (tmp_path / "reports" / name / "results.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture
def agree() -> Callable[[list[dict[str, str]], dict[str, Any]], None]:
    """Return a function that checks a report against the provider's books: each row paid once, same money."""

    def check(rows: list[dict[str, str]], found: dict[str, Any]) -> None:
        transactions = {entry["external_id"]: entry for entry in found["transactions"]}
        assert len(transactions) == len(found["transactions"])
        lines = [row["result_line"] for row in rows]
        assert len(set(lines)) == len(lines)
        charged: dict[str, Decimal] = {}
        for row in rows:
            if row["result_state"] != "completed":
                continue
            paid = transactions[row["result_external_id"]]
            assert paid["status_class"] == "COMPLETED"
            assert row["result_credit_party"].lstrip("'") == (paid["credit_party"] or "")
            unit = row["result_price_unit"]
            cost = Decimal(row["result_price"]) + Decimal(row["result_fee"])
            charged[unit] = charged.get(unit, Decimal(0)) + cost
        spent = {unit: Decimal(wallet["spent"]) for unit, wallet in found["wallets"].items() if wallet["spent"]}
        assert charged == {unit: amount for unit, amount in spent.items() if amount}
        completed = [entry for entry in found["transactions"] if entry["status_class"] == "COMPLETED"]
        assert len(completed) == sum(row["result_state"] == "completed" for row in rows)

    return check
