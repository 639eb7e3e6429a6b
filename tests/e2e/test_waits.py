"""DVS throttles a command: it says so while it waits, and waits no longer than its bound."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select
from threading import Thread
from typing import Any

import pytest

Run = Callable[..., Any]
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("balances",),
    ("products", "6418", "--rate", "50"),
    ("lookup", "number", "+6595123100", "--rate", "50"),
    ("plan", "bonus.csv", "--product", "6418"),
    ("run", "bonus.csv", "--product", "6418"),
)


@pytest.fixture
def throttle(sandbox: Any, credentials: tuple[str, str]) -> Callable[[int], None]:
    """Return a function that lets the sandbox answer every request with HTTP 429."""

    def start(seconds: int) -> None:
        token = b64encode(":".join(credentials).encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - the sandbox's own loopback address
            f"{sandbox.address}/sandbox/faults",
            data=json.dumps([{"kind": "throttle", "retry_after": seconds}]).encode(),
            headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
            method="PUT",
        )
        urllib.request.urlopen(request).close()  # noqa: S310

    return start


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_every_command_ends_when_its_waits_exceed_their_bound(
    pay: Run, throttle: Callable[[int], None], words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "bonus.csv").write_text("reference,phone,amount\n1000,+6595123100,5\n")
    throttle(30)
    result = pay(*words, "--max-wait", 20, code=4)
    assert "Its waits exceed 20 s. Run again later, or allow more with --max-wait." in result.stderr


def test_a_command_says_that_it_waits_while_it_waits_and_ctrl_c_ends_it_at_once(
    start: Run, throttle: Callable[[int], None], options: tuple[str, ...]
) -> None:
    throttle(300)
    process = start("balances", *options)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("Environment: ")
    line = process.stderr.readline()
    assert re.fullmatch(
        r"DVS throttles this account \(HTTP 429\): waiting 5 min, until \d\d:\d\d:\d\d UTC. Ctrl-C ends the command.\n",
        line,
    )
    process.send_signal(2)
    assert process.wait(timeout=30) == 75


@pytest.mark.parametrize("words", [*COMMANDS, ("resume", "x"), ("reconcile",), ("doctor",)], ids=lambda words: words[0])
def test_help_names_the_bound(invoke: Run, words: tuple[str, ...]) -> None:
    command = words[:2] if words[0] == "lookup" else words[:1]
    text = " ".join(invoke(*command, "--help").stdout.split())
    assert "--max-wait" in text
    assert "600" in text


def test_a_log_names_the_rate_and_its_source_first(pay: Run, tmp_path: Path) -> None:
    (tmp_path / "bonus.csv").write_text("reference,phone,amount\n1000,+6595123100,5\n")
    result = pay("run", "bonus.csv", "--product", "6418", "--rate", "50")
    assert result.stderr.splitlines()[0] == "Rate: 50 requests/s at most, as set by --rate or the job."


@pytest.mark.parametrize(
    "words", [("products", "6418"), ("lookup", "number", "+6595123100"), ("reconcile",)], ids=lambda words: words[0]
)
def test_the_first_line_of_a_command_that_asks_dvs_names_the_rate_and_why(
    pay: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "bonus.csv").write_text("reference,phone,amount\n1000,+6595123100,5\n")
    pay("run", "bonus.csv", "--product", "6418")
    first, *_ = pay(*words).stderr.splitlines()
    assert "Rate: 10 requests/s at first, since DVS has not responded yet; then DVS's rate limit, or" in first
    first, *_ = pay(*words, "--rate", "7").stderr.splitlines()
    assert first.endswith("Rate: 7 requests/s at most, as set by --rate or the job.")


@pytest.fixture
def throttled_until() -> Iterator[tuple[str, datetime]]:
    """A provider that answers every request with HTTP 429 and a date, 90 seconds from now: its address and the date."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"errors": [{"code": 1003429, "message": "Too many requests"}]}'
            self.send_response(429)
            self.send_header("Retry-After", format_datetime(until, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Do not log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", until
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "words", [("products", "6418"), ("run", "bonus.csv", "--product", "6418")], ids=lambda words: words[0]
)
def test_a_date_until_which_dvs_throttles_is_told_on_a_terminal_and_ctrl_c_answers_at_once(
    environment: dict[str, str], tmp_path: Path, throttled_until: tuple[str, datetime], words: tuple[str, ...]
) -> None:
    (tmp_path / "bonus.csv").write_text("reference,phone,amount\n1000,+6595123100,5\n")
    address, until = throttled_until
    command = (sys.executable, "-m", "bulk_topup", *words, "--env", "sandbox", "--base-url", address)
    main, other = pty.openpty()
    termios.tcsetwinsize(main, (24, 80))
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=other, stdout=other, stderr=other)
    os.close(other)
    try:
        text = ""
        while "Ctrl-C ends the command." not in (shown := " ".join(text.split())):
            assert select([main], [], [], 30)[0], shown
            text += os.read(main, 4096).decode()
        assert re.search(r"DVS throttles this account \(HTTP 429\): waiting \d+ s, until ", shown)
        ends = [f"{until + timedelta(seconds=seconds):%H:%M:%S}" for seconds in (-1, 0, 1)]
        assert any(f"until {end} UTC" in shown for end in ends)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 75
    finally:
        process.kill()
        process.wait()
        os.close(main)
