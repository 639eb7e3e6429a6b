"""What commands show at a terminal, and what they write to a file instead."""

import codecs
import fcntl
import hashlib
import os
import pty
import re
import signal
import sqlite3
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import COMMAND, PATIENCE

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOURS = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])m")
PAYING = ("--product", 6418, "--poll-interval", 0.05)


class Terminal:
    """A command at a terminal of some width, and what it has written there so far."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self._screen = screen
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.written = ""

    def read(self) -> bool:
        """Read what was written; return True if more may follow."""
        try:
            found = os.read(self._screen, 65_536)
        except OSError:  # the other side has closed it
            return False
        self.written += self._decoder.decode(found)
        return bool(found)

    def wait(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and everything that was written."""
        while self.read():
            pass
        return self.process.wait(timeout=PATIENCE), self.written

    @property
    def lines(self) -> list[str]:
        """The written lines without escapes, including those that were redrawn."""
        return re.split(r"[\r\n]+", ESCAPES.sub("", self.written))


@pytest.fixture
def at_terminal(
    tmp_path: Path, environment: dict[str, str], options: tuple[str, ...]
) -> Iterator[Callable[..., Terminal]]:
    """Yield a function that starts a command at a terminal; processes that still run at the end are killed."""
    opened: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def start_at_terminal(*words: object, width: int = 80, **variables: str) -> Terminal:
        screen, side = pty.openpty()
        opened.append(screen)
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        own = {name: value for name, value in environment.items() if name != "COLUMNS"}
        process = subprocess.Popen(
            [COMMAND, *map(str, words), *(() if words[0] == "status" else options[:2]), *options[2:]],
            cwd=tmp_path,
            env={**own, "TERM": "xterm-256color", **variables},
            stdin=side,
            stdout=side,
            stderr=side,
        )
        os.close(side)
        started.append(process)
        return Terminal(process, screen)

    yield start_at_terminal
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
    for screen in opened:
        os.close(screen)


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    path = tmp_path / "bonus.csv"
    path.write_text("phone,amount\n" + "".join(f"+6595123{400 + index},5\n" for index in range(60)))
    return path


@pytest.fixture
def bad(root: Path) -> Path:
    return root / "sample_files/bad/lost-plus.csv"


def _after_account(terminal: Terminal) -> list[str]:
    """Return the lines after those that say where the money is."""
    assert terminal.lines[0].startswith("Environment: sandbox. Account: http://127.0.0.1:")
    return terminal.lines[next(number for number, line in enumerate(terminal.lines) if line.startswith("╭")) :]


@pytest.mark.parametrize("width", [80, 200])
def test_a_plan_starts_with_whether_it_can_run_in_colour(
    at_terminal: Callable[..., Terminal], bad: Path, list_: Path, width: int
) -> None:
    cannot = at_terminal("plan", bad, width=width)
    code, written = cannot.wait()
    assert code == 3
    shown = _after_account(cannot)
    assert shown[0].startswith("╭─ Plan of list/lost-plus ─")
    assert shown[1].startswith("│ 1 of 2 rows refused. Fix it, or add --skip-refused to pay the other row.")
    assert COLOURS.search(written)
    problem = " ".join(" ".join(cannot.lines).split())
    assert re.search(r'Refused rows 1 row, column "phone": .* is not an E.164 number.* line 3', problem)
    # Commands to be pasted have no line breaks.
    assert max(len(line) for line in cannot.lines if not line.startswith("  bulk-topup ")) <= width
    can = at_terminal("plan", list_, *PAYING[:2], width=width)
    assert can.wait()[0] == 0
    assert _after_account(can)[1].startswith("│ Ready: 60 rows to send, expected cost ")


@pytest.mark.parametrize(
    ("variables", "is_framed"), [({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)], ids=["no-color", "dumb"]
)
def test_there_are_no_colours_with_no_color_or_on_a_dumb_terminal(
    at_terminal: Callable[..., Terminal], bad: Path, variables: dict[str, str], is_framed: bool
) -> None:
    plain = at_terminal("plan", bad, **variables)
    _, written = plain.wait()
    assert not COLOURS.search(written)
    assert ("╭─" in written) is is_framed
    assert is_framed or "\x1b" not in written


def test_a_run_shows_its_bar_states_rate_and_money(at_terminal: Callable[..., Terminal], list_: Path) -> None:
    run = at_terminal("run", list_, *PAYING, "--max-cost", "USD=1000")
    code, written = run.wait()
    assert code == 0
    shown = "\n".join(run.lines)
    assert "█ 100% 60 of 60 final" in shown
    assert "60 completed" in shown
    assert re.search(r"\d+/\d+ requests/s  0:00:\d\d elapsed", shown)
    assert "USD: 222.60 charged or on hold (planned 222.60), about 99,777.40 available" in run.lines
    assert "USD cost cap: 222.60 of 1,000.00" in run.lines
    assert "All done: 60 of 60 rows completed." in shown
    assert "\x1b[?25h" in written  # the cursor is back
    assert max(map(len, run.lines)) <= 80


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"FORCE_COLOR": "1"}], ids=["dumb", "forced"])
def test_nothing_is_redrawn_on_a_dumb_terminal_or_with_forced_colours_in_a_pipe(
    at_terminal: Callable[..., Terminal],
    start: Callable[..., Any],
    environment: dict[str, str],
    options: tuple[str, ...],
    list_: Path,
    variables: dict[str, str],
) -> None:
    if "TERM" in variables:
        code, written = at_terminal("run", list_, *PAYING, **variables).wait()
    else:
        environment.update(variables)
        process = start("run", list_, *PAYING, *options)
        out, err = process.communicate(timeout=PATIENCE)
        code, written = process.returncode, out + err
        assert COLOURS.search(out)
    assert code == 0
    assert "Run list/bonus:" in written  # the lines of a log
    assert not re.search(r"\x1b\[[0-9]*[ABJK]|\x1b\[\?25", written)


def test_the_runs_of_a_ledger_have_bars(at_terminal: Callable[..., Terminal], pay: Any, list_: Path) -> None:
    pay("run", list_, *PAYING)
    seen = at_terminal("status")
    assert seen.wait()[0] == 0
    assert re.search(r"list/bonus +█{20} 100% +60", "\n".join(seen.lines))
    one = at_terminal("status", "list/bonus")
    assert one.wait()[0] == 0
    assert one.lines[:2] == [
        "╭─ Run list/bonus, sandbox " + "─" * 52 + "╮",
        "│ All done: 60 of 60 rows completed." + " " * 43 + "│",
    ]


def _digest(ledger: Path) -> str:
    return hashlib.sha256(ledger.read_bytes()).hexdigest()


@pytest.fixture
def paying(
    start: Callable[..., Any], options: tuple[str, ...], list_: Path, tmp_path: Path, wait_until: Callable[..., None]
) -> Any:
    """A process that pays the list slowly, stopped by SIGSTOP when it has paid some rows; SIGCONT continues it."""
    process = start("run", list_, *PAYING, "--rate", 20, *options)
    ledger = tmp_path / "ledger.db"

    def is_started() -> bool:
        try:
            with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
                return bool(connection.execute("SELECT 1 FROM rows WHERE state = 'completed'").fetchone())
        except sqlite3.OperationalError:  # the ledger or its tables are not there yet
            return False

    wait_until(is_started)
    process.send_signal(signal.SIGSTOP)
    return process


def test_watch_shows_a_run_of_another_process_until_it_ends(paying: Any, at_terminal: Callable[..., Terminal]) -> None:
    watched = at_terminal("status", "list/bonus", "--watch", 0.1)
    while not any("Running: " in line for line in watched.lines):
        assert watched.read()
    paying.send_signal(signal.SIGCONT)
    code, _ = watched.wait()
    assert code == 0
    assert any("All done: 60 of 60 rows completed." in line for line in watched.lines)
    assert paying.wait(timeout=PATIENCE) == 0  # watching does not disturb the run


def test_watch_writes_the_progress_to_a_file_without_escapes(paying: Any, command: Callable[..., Any]) -> None:
    paying.send_signal(signal.SIGCONT)
    output = command("status", "list/bonus", "--watch", 0.1, "--ledger", "ledger.db").stdout
    assert "\x1b" not in output
    counts = [int(each) for each in re.findall(r"^(?:Running|All done): (\d+) of 60", output, flags=re.MULTILINE)]
    assert counts[-1] == 60
    assert counts == sorted(counts)
    assert paying.wait(timeout=PATIENCE) == 0


def test_watch_without_a_run_shows_all_runs(paying: Any, command: Callable[..., Any]) -> None:
    paying.send_signal(signal.SIGCONT)
    assert "60 completed" in command("status", "--watch", 0.1, "--ledger", "ledger.db").stdout
    assert paying.wait(timeout=PATIENCE) == 0


def test_ctrl_c_ends_watching_an_incomplete_run_and_changes_nothing(
    paying: Any, at_terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    paying.send_signal(signal.SIGINT)
    paying.send_signal(signal.SIGCONT)
    assert paying.wait(timeout=PATIENCE) == 75
    before = _digest(tmp_path / "ledger.db")
    watched = at_terminal("status", "list/bonus", "--watch", 0.1)
    while "bulk-topup resume list/bonus" not in watched.written:
        assert watched.read()
    watched.process.send_signal(signal.SIGINT)
    code, written = watched.wait()
    assert code == 0
    assert "Incomplete: " in written
    assert "Traceback" not in written
    assert _digest(tmp_path / "ledger.db") == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--watch", "list/bonus"), '"list/bonus" is not a number of seconds. Name the run before --watch.'),
        (("--watch", "0"), "is not between 0.1 and 86400 seconds"),
        (("--watch", "nan"), "is not between 0.1 and 86400 seconds"),
        (("--watch", "1", "--json"), "Choose --json or --watch."),
    ],
)
def test_invalid_watch_options_are_reported(invoke: Callable[..., Any], words: tuple[str, ...], message: str) -> None:
    assert message in invoke("status", *words, code=2).stderr
