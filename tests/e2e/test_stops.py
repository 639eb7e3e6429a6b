"""Runs that are killed, interrupted, or started twice: nobody is paid twice and nobody is forgotten."""

import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., subprocess.Popen[str]]
ROWS = 300


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    path = tmp_path / "bonus.csv"
    numbers = "".join(f"+6595123{400 + place},{1 + place % 9}\n" for place in range(ROWS))
    path.write_text(f"phone,amount\n{numbers}")
    return path


@pytest.fixture
def begin(start: Start, options: tuple[str, ...], list_: Path) -> Start:
    """Give a function that starts the list, slowly enough to be met on its way."""

    def run(rate: int = 300) -> subprocess.Popen[str]:
        return start("run", list_, "--product", 6418, "--rate", rate, "--poll-interval", 0.05, *options)

    return run


def _sent(books: Callable[[], Any]) -> int:
    return len(books()["transactions"])


@pytest.mark.parametrize("moments", [(1,), (40, 90, 140), (ROWS - 1,)])
def test_kill_nine_at_any_moment_and_a_resume_pay_each_row_once(
    begin: Start,
    pay: Any,
    books: Any,
    results: Any,
    agree: Any,
    until: Any,
    moments: tuple[int, ...],
) -> None:
    for moment in moments:
        process = begin()
        until(lambda wanted=moment: _sent(books) >= wanted)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    pay("resume", "list/bonus", "--rate", 1000, "--poll-interval", 0.05)
    rows = results("list-bonus")
    assert [row["result_state"] for row in rows] == ["completed"] * ROWS
    assert {row["result_attempt"] for row in rows} == {"1"}
    agree(rows, books())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_reports_exits_75_and_goes_on_when_it_is_started_again(
    begin: Start,
    pay: Any,
    books: Any,
    results: Any,
    agree: Any,
    until: Any,
    list_: Path,
    number: signal.Signals,
) -> None:
    process = begin()
    until(lambda: _sent(books) >= 20)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 75, err
    assert f"Interrupted. Resume: `bulk-topup resume list/bonus --ledger {list_.parent / 'ledger.db'}`" in out
    rows = results("list-bonus")
    assert len(rows) == ROWS
    states = {row["result_state"] for row in rows}
    assert "pending" in states
    assert "in_flight" not in states
    answer = pay("run", list_, "--product", 6418, "--rate", 1000, "--poll-interval", 0.05)
    assert "Resuming run list/bonus; started" in answer.stdout
    rows = results("list-bonus")
    assert [row["result_state"] for row in rows] == ["completed"] * ROWS
    agree(rows, books())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_during_the_checks_sends_nothing_and_says_start_again(
    start: Start, options: tuple[str, ...], books: Any, until: Any, tmp_path: Path, number: signal.Signals
) -> None:
    long = tmp_path / "long.csv"
    with long.open("w") as file:
        file.write("reference,phone,amount\n")
        file.writelines(f"R-{row},+6595123{row % 1000:03},5\n" for row in range(200_000))
    process = start("run", long, "--product", 6418, "--allow-duplicates", *options)
    until(lambda: (tmp_path / "ledger.db").exists())
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (75, "")
    assert "Interrupted; nothing was sent. Run the command again." in err
    assert books()["transactions"] == []


def test_a_second_start_of_a_run_says_so_and_leaves_it_alone(
    begin: Start, pay: Any, books: Any, results: Any, agree: Any, until: Any, list_: Path
) -> None:
    process = begin(rate=10)
    until(lambda: _sent(books) >= 5)
    answer = pay("run", list_, "--product", 6418, code=5)
    assert "Another process is working on run list/bonus" in answer.stderr
    pay("resume", "list/bonus", code=5)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 75
    pay("resume", "list/bonus", "--rate", 1000, "--poll-interval", 0.05)
    agree(results("list-bonus"), books())


def test_a_provider_that_goes_away_and_comes_back_is_waited_for(
    begin: Start, sandbox: Any, books: Any, results: Any, agree: Any, until: Any
) -> None:
    process = begin()
    until(lambda: _sent(books) >= 20)
    sandbox.restart()
    process.communicate(timeout=100)
    assert process.returncode == 0
    rows = results("list-bonus")
    assert [row["result_state"] for row in rows] == ["completed"] * ROWS
    agree(rows, books())


def test_a_ledger_that_cannot_take_the_list_ends_with_75_and_a_later_start_pays(
    here: Callable[..., Any], options: tuple[str, ...], books: Any, tmp_path: Path
) -> None:
    path = tmp_path / "bonus.csv"
    path.write_text("phone,amount\n+6595123400,5\n")
    here("plan", path, "--product", 6418, *options)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        ledger.execute("CREATE TRIGGER full BEFORE INSERT ON runs BEGIN SELECT raise(ABORT, 'disk is full'); END")
    answer = here("run", path, "--product", 6418, *options, code=75)
    assert "disk is full" in answer.stderr
    assert "Nothing was sent; start again" in answer.stderr
    assert books()["transactions"] == []
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        ledger.execute("DROP TRIGGER full")
    here("run", path, "--product", 6418, *options)
    assert len(books()["transactions"]) == 1
