"""Runs that are killed, interrupted or run twice: nobody is paid twice, and no row is lost."""

import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.ledger import connection

Start = Callable[..., subprocess.Popen[str]]
ROWS = 300


@pytest.fixture(autouse=True)
def _no_ignored_signal() -> Iterator[None]:
    """Let commands take SIGHUP, also where the tests run under `nohup`, so that they would ignore it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    path = tmp_path / "bonus.csv"
    numbers = "".join(f"+6595123{400 + index},{1 + index % 9}\n" for index in range(ROWS))
    path.write_text(f"phone,amount\n{numbers}")
    return path


@pytest.fixture
def start_run(start: Start, options: tuple[str, ...], list_: Path) -> Start:
    """Return a function that starts to pay the list, slowly enough to be interrupted."""

    def run(rate: int = 300) -> subprocess.Popen[str]:
        return start("run", list_, "--product", 6418, "--rate", rate, "--poll-interval", 0.05, *options)

    return run


def _sent(books: Callable[[], Any]) -> int:
    return len(books()["transactions"])


@pytest.mark.parametrize("moments", [(1,), (40, 90, 140), (ROWS - 1,)])
def test_each_row_is_paid_once_by_runs_that_are_killed_at_any_moment_and_resumed(
    start_run: Start,
    pay: Any,
    books: Any,
    results: Any,
    agree: Any,
    wait_until: Any,
    moments: tuple[int, ...],
) -> None:
    for moment in moments:
        process = start_run()
        wait_until(lambda wanted=moment: _sent(books) >= wanted)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    pay("resume", "list/bonus", "--rate", 1000, "--poll-interval", 0.05)
    rows = results("list-bonus")
    assert [row["result_state"] for row in rows] == ["completed"] * ROWS
    assert {row["result_attempt"] for row in rows} == {"1"}
    agree(rows, books())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_run_writes_its_report_exits_with_75_and_resumes_when_run_again(
    start_run: Start,
    pay: Any,
    books: Any,
    results: Any,
    agree: Any,
    wait_until: Any,
    list_: Path,
    number: signal.Signals,
) -> None:
    process = start_run()
    wait_until(lambda: _sent(books) >= 20)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 75, err
    assert "Interrupted. Resume: `bulk-topup resume list/bonus --env sandbox --base-url http://" in out
    assert f" --ledger {list_.parent / 'ledger.db'}`" in out
    rows = results("list-bonus")
    assert len(rows) == ROWS
    states = {row["result_state"] for row in rows}
    assert "pending" in states
    assert "in_flight" not in states
    result = pay("run", list_, "--product", 6418, "--rate", 1000, "--poll-interval", 0.05)
    assert "Resuming run list/bonus; started" in result.stdout
    rows = results("list-bonus")
    assert [row["result_state"] for row in rows] == ["completed"] * ROWS
    agree(rows, books())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_during_the_checks_sends_nothing_and_says_to_run_again(
    start: Start, options: tuple[str, ...], books: Any, wait_until: Any, tmp_path: Path, number: signal.Signals
) -> None:
    long = tmp_path / "long.csv"
    with long.open("w") as file:
        file.write("reference,phone,amount\n")
        file.writelines(f"R-{row},+6595123{row % 1000:03},5\n" for row in range(200_000))
    process = start("run", long, "--product", 6418, "--allow-duplicates", *options)
    wait_until(lambda: (tmp_path / "ledger.db").exists())
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 75
    assert out.startswith("Environment: sandbox. Account: http://127.0.0.1:")
    assert "Plan of" not in out
    assert "Interrupted; nothing was sent. Run the command again." in err
    assert books()["transactions"] == []


def test_a_second_invocation_reports_the_locked_run_and_leaves_it_alone(
    start_run: Start, pay: Any, books: Any, results: Any, agree: Any, wait_until: Any, list_: Path
) -> None:
    process = start_run(rate=10)
    wait_until(lambda: _sent(books) >= 5)
    result = pay("run", list_, "--product", 6418, code=5)
    assert "Another process is working on run list/bonus" in result.stderr
    pay("resume", "list/bonus", code=5)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 75
    pay("resume", "list/bonus", "--rate", 1000, "--poll-interval", 0.05)
    agree(results("list-bonus"), books())


def test_a_run_waits_for_a_provider_that_restarts(
    start_run: Start, sandbox: Any, books: Any, results: Any, agree: Any, wait_until: Any
) -> None:
    process = start_run()
    wait_until(lambda: _sent(books) >= 20)
    sandbox.restart()
    process.communicate(timeout=100)
    assert process.returncode == 0
    rows = results("list-bonus")
    assert [row["result_state"] for row in rows] == ["completed"] * ROWS
    agree(rows, books())


def test_a_ledger_that_another_process_writes_exits_with_75_and_a_later_invocation_pays(
    invoke: Callable[..., Any],
    options: tuple[str, ...],
    books: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "bonus.csv"
    path.write_text("phone,amount\n+6595123400,5\n")
    invoke("plan", path, "--product", 6418, *options)
    monkeypatch.setattr(connection, "BUSY_TIMEOUT", 0.1)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        result = invoke("run", path, "--product", 6418, *options, code=75)
    assert "database is locked. Nothing more was sent. Wait until the other process that writes it ends" in (
        result.stderr
    )
    assert books()["transactions"] == []
    invoke("run", path, "--product", 6418, *options)
    assert len(books()["transactions"]) == 1
