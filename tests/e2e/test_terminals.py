"""What a person sees who sits at a terminal, and what a file gets instead."""

import codecs
import fcntl
import hashlib
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
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
        """Take in what was written; tell whether more may come."""
        try:
            found = os.read(self._screen, 65_536)
        except OSError:  # the other side has closed it
            return False
        self.written += self._decoder.decode(found)
        return bool(found)

    def ended(self) -> tuple[int, str]:
        """Wait for the end; give the exit code and all that was written."""
        while self.read():
            pass
        return self.process.wait(timeout=PATIENCE), self.written

    @property
    def lines(self) -> list[str]:
        """What was written, without escapes; what was drawn over is there too."""
        return re.split(r"[\r\n]+", ESCAPES.sub("", self.written))


@pytest.fixture
def at_terminal(
    tmp_path: Path, environment: dict[str, str], options: tuple[str, ...]
) -> Iterator[Callable[..., Terminal]]:
    """Give a function that starts a command at a terminal; what still runs at the end is killed."""
    opened: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: object, width: int = 80, **variables: str) -> Terminal:
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

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
    for screen in opened:
        os.close(screen)


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    path = tmp_path / "bonus.csv"
    path.write_text("phone,amount\n" + "".join(f"+6595123{400 + place},5\n" for place in range(60)))
    return path


@pytest.fixture
def bad(root: Path) -> Path:
    return root / "sample_files/bad/lost-plus.csv"


@pytest.mark.parametrize("width", [80, 200])
def test_a_plan_says_first_in_colour_whether_it_can_run(
    at_terminal: Callable[..., Terminal], bad: Path, list_: Path, width: int
) -> None:
    cannot = at_terminal("plan", bad, width=width)
    code, written = cannot.ended()
    assert code == 3
    assert cannot.lines[0].startswith("╭─ Plan of list/lost-plus ─")
    assert cannot.lines[1].startswith("│ 1 of 2 rows refused. Fix it, or add --skip-refused to pay the other 1.")
    assert COLOURS.search(written)
    assert any(re.search(r"3 │ phone  │ .* is not an E.164 number", line) for line in cannot.lines)
    assert max(map(len, cannot.lines)) <= width
    can = at_terminal("plan", list_, *PAYING[:2], width=width)
    assert can.ended()[0] == 0
    assert can.lines[1].startswith("│ Ready: 60 rows to send, expected cost ")


@pytest.mark.parametrize(
    ("variables", "is_framed"), [({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)], ids=["no-color", "dumb"]
)
def test_no_colours_where_none_are_wanted(
    at_terminal: Callable[..., Terminal], bad: Path, variables: dict[str, str], is_framed: bool
) -> None:
    plain = at_terminal("plan", bad, **variables)
    _, written = plain.ended()
    assert not COLOURS.search(written)
    assert ("╭─" in written) is is_framed
    assert is_framed or "\x1b" not in written


def test_a_run_shows_its_bar_states_pace_and_money(at_terminal: Callable[..., Terminal], list_: Path) -> None:
    run = at_terminal("run", list_, *PAYING, "--max-cost", "USD=1000")
    code, written = run.ended()
    assert code == 0
    shown = "\n".join(run.lines)
    assert "█ 100% 60 of 60 final" in shown
    assert "60 completed" in shown
    assert re.search(r"\d+/\d+ requests/s  0:00:\d\d elapsed", shown)
    assert "USD: 222.60 charged or on hold, about 99,777.40 available" in run.lines
    assert "USD cost cap: 222.60 of 1,000.00" in run.lines
    assert "All done: 60 of 60 rows completed." in shown
    assert "\x1b[?25h" in written  # the cursor is back
    assert max(map(len, run.lines)) <= 80


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"FORCE_COLOR": "1"}], ids=["dumb", "forced"])
def test_nothing_is_drawn_over_where_that_cannot_be(
    at_terminal: Callable[..., Terminal],
    start: Callable[..., Any],
    environment: dict[str, str],
    options: tuple[str, ...],
    list_: Path,
    variables: dict[str, str],
) -> None:
    if "TERM" in variables:
        code, written = at_terminal("run", list_, *PAYING, **variables).ended()
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
    assert seen.ended()[0] == 0
    assert re.search(r"list/bonus +█{20} 100% +60", "\n".join(seen.lines))
    one = at_terminal("status", "list/bonus")
    assert one.ended()[0] == 0
    assert one.lines[:2] == [
        "╭─ Run list/bonus, sandbox " + "─" * 52 + "╮",
        "│ All done: 60 of 60 rows completed." + " " * 43 + "│",
    ]


def _digest(ledger: Path) -> str:
    return hashlib.sha256(ledger.read_bytes()).hexdigest()


@pytest.fixture
def paying(
    start: Callable[..., Any], options: tuple[str, ...], list_: Path, tmp_path: Path, until: Callable[..., None]
) -> Any:
    """A process that pays the list, slowly, and has begun to."""
    process = start("run", list_, *PAYING, "--rate", 20, *options)

    def has_begun() -> bool:
        asked = [str(COMMAND), "status", "--ledger", str(tmp_path / "ledger.db")]
        return b"completed" in subprocess.run(asked, capture_output=True, check=False).stdout

    until(has_begun)
    return process


def test_a_terminal_shows_a_run_of_another_process_until_it_is_over(
    paying: Any, at_terminal: Callable[..., Terminal]
) -> None:
    watched = at_terminal("status", "list/bonus", "--watch", 0.1)
    code, _ = watched.ended()
    assert code == 0
    assert any("Running: " in line for line in watched.lines)
    assert any("All done: 60 of 60 rows completed." in line for line in watched.lines)
    assert paying.wait(timeout=PATIENCE) == 0  # who watched kept nobody from paying


def test_a_file_gets_each_look_that_shows_something_else(paying: Any, command: Callable[..., Any]) -> None:
    told = command("status", "list/bonus", "--watch", 0.1, "--ledger", "ledger.db").stdout
    assert "\x1b" not in told
    looks = [int(each) for each in re.findall(r"^(?:Running|All done): (\d+) of 60", told, flags=re.MULTILINE)]
    assert looks[-1] == 60
    assert looks == sorted(looks)
    assert paying.wait(timeout=PATIENCE) == 0


def test_all_runs_are_watched_where_none_is_named(paying: Any, command: Callable[..., Any]) -> None:
    assert "60 completed" in command("status", "--watch", 0.1, "--ledger", "ledger.db").stdout
    assert paying.wait(timeout=PATIENCE) == 0


def test_ctrl_c_ends_the_watching_of_a_run_that_nobody_works_on_and_changes_nothing(
    paying: Any, at_terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    paying.send_signal(signal.SIGINT)
    assert paying.wait(timeout=PATIENCE) == 75
    before = _digest(tmp_path / "ledger.db")
    watched = at_terminal("status", "list/bonus", "--watch", 0.1)
    while "bulk-topup resume list/bonus" not in watched.written:
        assert watched.read()
    watched.process.send_signal(signal.SIGINT)
    code, written = watched.ended()
    assert code == 0
    assert "Incomplete: " in written
    assert "Traceback" not in written
    assert _digest(tmp_path / "ledger.db") == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--watch", "list/bonus"), '"list/bonus" is not a number of seconds. Name the run before --watch.'),
        (("--watch", "0"), "is not between 0.1 and 86400 seconds"),
        (("--watch", "nan"), "is not between 0.1 and 86400 seconds"),
        (("--watch", "1", "--json"), "Choose --json or --watch."),
    ],
)
def test_a_watch_that_cannot_be_is_told(here: Callable[..., Any], words: tuple[str, ...], told: str) -> None:
    assert told in here("status", *words, code=2).stderr
