"""The sandbox as a process that is killed and started again at one address; asks it over HTTP who was paid."""

import base64
import contextlib
import json
import os
import random
import socket
import time
import urllib.request
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bulk_topup.cli import main as command
from chaos.processes import LOOK, Process, forked

KEY: Final = "chaos-key"
#: The API's secret and its key, which no output may show.
SECRET: Final = "chaos-secret-5d1e7a"
#: Far beyond what the lists of a scenario cost.
BALANCES: Final = ("USD=1000000000", "EUR=1000000000")
#: Last digits of the numbers whose payments yield a PIN; gift cards, which credit no number, all do.
WITH_PIN: Final = frozenset({"101", "201", "301"})
#: Requests a second: the waits between them are no part of what is tried.
RATE_LIMIT: Final = 5_000
#: Ports that no connection is given by itself, so that a sandbox finds its own again after a restart.
PORTS: Final = range(18_000, 32_000)
#: Seconds that a sandbox may take until it answers.
PATIENCE: Final = 30.0
#: What the documented delays are multiplied by: 10 ms until a usual payment is final, 36 s until a held one expires.
TIME_SCALE: Final = 0.01


def free_port(draws: random.Random) -> int:
    """Give a port that nobody listens on."""
    while True:
        port = draws.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until_served(port: int, process: Process) -> None:
    """Wait until a process that was started takes connections.

    Raises:
        RuntimeError: it ended, or it does not come.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.is_over() or time.monotonic() > deadline:
                raise RuntimeError(f"Nobody serves on port {port}; see {process.output}.") from None
            time.sleep(LOOK)
        else:
            return


class Provider:
    """A sandbox process and its books.

    Args:
        folder: where its books and its output lie.
        port: where it listens.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port
        self.books_file = folder / "books.jsonl"
        self._process: Process | None = None
        #: How far its books were read, and how many transactions were created up to there.
        self._read = self._created = 0
        #: How often it was started again.
        self.restarts = -1

    @property
    def url(self) -> str:
        """Its address without a path."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, faults: Sequence[str] = ()) -> None:
        """Start it, on the books that there are."""
        words = ["sandbox", "--port", str(self.port), "--books", str(self.books_file), "--rate-limit", str(RATE_LIMIT)]
        words += ["--api-key", KEY, "--api-secret", SECRET, "--time-scale", str(TIME_SCALE)]
        for balance in BALANCES:
            words += ["--balance", balance]
        for fault in faults:
            words += ["--fault", fault]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder)}
        output = self._folder / "sandbox.txt"
        self._process = forked(command, words, folder=self._folder, environment=environment, output=output)
        self.restarts += 1

    def wait_until_it_answers(self) -> None:
        """Wait until connections are taken."""
        if self._process is not None:
            wait_until_served(self.port, self._process)

    def kill(self) -> None:
        """Kill it like a power cut."""
        if self._process is not None:
            self._process.kill()

    def set_faults(self, faults: Sequence[str]) -> None:
        """Put these faults, written as for `--fault`, in the place of those that are set."""
        tables = [_table(fault) for fault in faults]
        self._ask("/sandbox/faults", method="PUT", body=json.dumps(tables).encode()).close()

    def created(self) -> int:
        """Give how many transactions its books hold, without asking it."""
        with contextlib.suppress(FileNotFoundError), self.books_file.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._created += line.startswith(b'{"event":"created"')
        return self._created

    def books(self) -> bytes:
        """Ask it for everything that it knows, as JSON."""
        with self._ask("/sandbox/books") as answer:
            body: bytes = answer.read()
            return body

    def pins(self) -> list[str]:
        """Ask it for every PIN that it gave away."""
        codes = []
        for entry in json.loads(self.books(), parse_float=Decimal)["transactions"]:
            yields_pin = entry["credit_party"] is None or entry["credit_party"][-3:] in WITH_PIN
            if entry["status_class"] == "COMPLETED" and yields_pin:
                with self._ask(f"/v1/transactions/{entry['id']}") as answer:
                    pin = json.loads(answer.read()).get("pin")
                if pin is not None:
                    codes += [pin["code"], pin["serial"]]
        return codes

    def _ask(self, path: str, *, method: str = "GET", body: bytes | None = None) -> Any:
        token = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - its own loopback address
            f"{self.url}{path}", data=body, method=method, headers={"Authorization": f"Basic {token}"}
        )
        return urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310


def _table(fault: str) -> dict[str, Any]:
    kind, *words = fault.split()
    table: dict[str, Any] = {"kind": kind}
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("/"):
            table["path"] = word
        elif equals:
            table[name] = _value(value)
        else:
            table["method"] = word
    return table


def _value(text: str) -> float | int | str:
    if text.isdigit():
        return int(text)
    return float(text) if text.replace(".", "", 1).isdigit() else text
