"""The sandbox as a process that is killed and restarted at one address; reads over HTTP who was paid."""

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

import msgspec

from bulk_topup.cli import main as command
from bulk_topup.sandbox.fault_parser import parse_fault
from chaos.processes import POLL_INTERVAL, Process, start_fork

#: The API keys of the account, one after the other, and their secrets, which no output may contain.
KEYS: Final = ("chaos-key", "chaos-key-2")
SECRETS: Final = ("chaos-secret-5d1e7a", "chaos-secret-9b20c4")
#: Far more than the lists of a scenario cost.
BALANCES: Final = ("USD=1000000000", "EUR=1000000000")
#: Last digits of numbers whose payments yield a PIN; gift cards, which have no credit party, all do.
WITH_PIN: Final = frozenset({"101", "201", "301"})
#: Requests per second, so many that waits between them are not part of the test.
RATE_LIMIT: Final = 5_000
#: Ports outside the ephemeral range, so that a sandbox gets its port again after a restart.
PORTS: Final = range(18_000, 32_000)
#: Seconds that a sandbox may take to start, and to respond.
PATIENCE: Final = 30.0
#: Factor of the documented delays: 10 ms until a usual payment is final, 36 s until an unconfirmed one expires.
TIME_SCALE: Final = 0.01


def free_port(draws: random.Random) -> int:
    """Return a port without a listener."""
    while True:
        port = draws.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until_served(port: int, process: Process) -> None:
    """Wait until a process accepts connections.

    Raises:
        RuntimeError: it has ended, or does not accept any in time.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.has_ended() or time.monotonic() > deadline:
                raise RuntimeError(f"Nothing listens on port {port}. See {process.output}.") from None
            time.sleep(POLL_INTERVAL)
        else:
            return


class Provider:
    """A sandbox process and its books.

    Args:
        folder: the folder of its books and its output.
        port: the port that it listens on.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port
        self.books_file = folder / "books.jsonl"
        self._process: Process | None = None
        #: Bytes of the books that were read, and the transactions created in them.
        self._read = self._created = 0
        self._generation = 0
        #: How often it was restarted.
        self.restarts = -1

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        """The API key that it accepts."""
        return KEYS[self._generation]

    @property
    def secret(self) -> str:
        """The secret of that key."""
        return SECRETS[self._generation]

    def rotate_credentials(self) -> None:
        """Restart with other API credentials of the same account, and only with those."""
        self.kill()
        self._generation = min(self._generation + 1, len(KEYS) - 1)
        self.start()
        self.wait_until_served()

    def start(self, faults: Sequence[str] = ()) -> None:
        """Start it, with the existing books."""
        arguments = [
            "sandbox",
            "--port",
            str(self.port),
            "--books",
            str(self.books_file),
            "--rate-limit",
            str(RATE_LIMIT),
        ]
        arguments += ["--api-key", self.key, "--api-secret", self.secret, "--time-scale", str(TIME_SCALE)]
        for balance in BALANCES:
            arguments += ["--balance", balance]
        for fault in faults:
            arguments += ["--fault", fault]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder)}
        output = self._folder / "sandbox.txt"
        self._process = start_fork(command, arguments, folder=self._folder, environment=environment, output=output)
        self.restarts += 1

    def wait_until_served(self) -> None:
        """Wait until it accepts connections."""
        if self._process is not None:
            wait_until_served(self.port, self._process)

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        if self._process is not None:
            self._process.kill()

    def set_faults(self, faults: Sequence[str]) -> None:
        """Replace its faults; each is in the form of `--fault`."""
        tables = [msgspec.to_builtins(parse_fault(fault)) for fault in faults]
        self._send("/sandbox/faults", method="PUT", body=json.dumps(tables).encode()).close()

    def created(self) -> int:
        """Return the number of transactions in its books, without a request."""
        with contextlib.suppress(FileNotFoundError), self.books_file.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._created += line.startswith(b'{"event":"created"')
        return self._created

    def books(self) -> bytes:
        """Return the export of its books, as JSON."""
        with self._send("/sandbox/books") as response:
            body: bytes = response.read()
            return body

    def pins(self) -> list[str]:
        """Return every PIN that it issued."""
        codes = []
        for entry in json.loads(self.books(), parse_float=Decimal)["transactions"]:
            yields_pin = entry["credit_party"] is None or entry["credit_party"][-3:] in WITH_PIN
            if entry["status_class"] == "COMPLETED" and yields_pin:
                with self._send(f"/v1/transactions/{entry['id']}") as response:
                    pin = json.loads(response.read()).get("pin")
                if pin is not None:
                    codes += [pin["code"], pin["serial"]]
        return codes

    def _send(self, path: str, *, method: str = "GET", body: bytes | None = None) -> Any:
        token = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - a loopback address
            f"{self.url}{path}", data=body, method=method, headers={"Authorization": f"Basic {token}"}
        )
        return urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310
