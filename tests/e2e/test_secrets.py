"""Whole runs and all that they write: no secret, no PIN, no number in a log, and no file that others can read."""

import base64
import json
import re
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

Pay = Callable[..., Any]

PAYING = ("--rate", 1000, "--poll-interval", 0.1)
NUMBERS = re.compile(r"\+?6595123\d{3}|\+?4477009\d{5}|\+?1202555\d{4}|\+?336\d{8}")


@pytest.fixture
def secrets(credentials: tuple[str, str]) -> list[str]:
    """The API secret in every form in which it is sent."""
    return [credentials[1], base64.b64encode(":".join(credentials).encode()).decode()]


@pytest.fixture
def pins(pay: Pay, tmp_path: Path) -> Callable[[str], list[str]]:
    """Return a function that reveals the PINs of a run, codes and serials."""

    def reveal(run: str) -> list[str]:
        pay("report", run, "--reveal-pins", "--format", "jsonl", "--report-dir", tmp_path / "revealed")
        rows = [json.loads(line) for line in (tmp_path / "revealed/results.jsonl").read_text().splitlines()]
        return [row[name] for row in rows for name in ("pin_code", "pin_serial") if row[name]]

    return reveal


def texts(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file below a folder, and the parts of workbooks."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
            if path.suffix == ".xlsx":
                with ZipFile(path) as book:
                    yield from ((path / name, book.read(name)) for name in book.namelist())


#: Commands whose output is the same with each transport.
OTHER_FORMATS = (("plan",), ("run", "--json"), ("transaction", "list", "--json"), ("transaction", "list", "--csv"))


@pytest.mark.parametrize(
    ("transport", "logger", "others"),
    [("aiohttp", "INFO bulk_topup.dvs.transports.base", OTHER_FORMATS), ("httpx2", "DEBUG httpcore2", ())],
)
def test_output_logs_reports_and_ledger_of_a_run_have_no_pin_and_no_secret(
    start: Pay,
    options: tuple[str, ...],
    secrets: list[str],
    pins: Pay,
    root: Path,
    tmp_path: Path,
    environment: dict[str, str],
    transport: str,
    logger: str,
    others: tuple[tuple[str, ...], ...],
) -> None:
    environment["DVS_TRANSPORT"] = transport
    output = []
    list_ = root / "sample_files/gift_cards.csv"
    arguments = {"plan": (list_,), "run": (list_, *PAYING)}
    for words in (("run", "--listen", "127.0.0.1:0"), ("transaction", "list"), *others):
        process = start("--log-level", "debug", *words, *arguments.get(words[0], ()), *options)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        output += [out, err]
    assert logger in output[1]
    assert "HTTP Request: POST" in output[1]
    written = list(texts(tmp_path / "reports"))
    ledger = [path.read_bytes() for path in tmp_path.glob("ledger.db*")]
    bought = pins("list/gift_cards")
    assert len(bought) == 30
    key = next(tmp_path.rglob("pin.key")).read_text().strip()
    for secret in (*bought, *secrets, key):
        assert secret not in "".join(output)
        assert not [path for path, content in written if secret.encode() in content]
        assert not [content for content in ledger if secret.encode() in content]


def test_logs_of_a_run_with_failures_a_stop_and_bad_credentials_have_no_number_and_no_secret(
    start: Pay, options: tuple[str, ...], secrets: list[str], environment: dict[str, str], root: Path
) -> None:
    list_ = root / "sample_files/payroll.xlsx"
    words = ("--log-level", "debug", "run", list_, "--sheet", "Payroll", *options)
    logs = []
    stopped = start(*words, "--rate", 50)
    for line in stopped.stderr:
        logs.append(line)
        if "/async/transactions" in line:
            stopped.send_signal(signal.SIGINT)
            break
    logs.append(stopped.communicate(timeout=60)[1])
    assert stopped.returncode == 75
    logs.append(start(*words, *PAYING).communicate(timeout=60)[1])
    environment["DVS_API_SECRET"] = "another-secret-4e1d"
    refused = start(*words)
    logs.append(refused.communicate(timeout=60)[1])
    assert refused.returncode == 4
    log = "".join(logs)
    assert "HTTP Request: POST" in log
    assert not NUMBERS.findall(log)
    for secret in (*secrets, "another-secret-4e1d"):
        assert secret not in log


def test_the_lookup_of_a_number_does_not_log_it(start: Pay, options: tuple[str, ...]) -> None:
    for words in (
        ("lookup", "number", "+6595123100"),
        ("transaction", "list", "--mobile-number", "+6595123100"),
    ):
        _, err = start("--log-level", "debug", *words, *options).communicate(timeout=60)
        assert "HTTP Request" in err
        assert not NUMBERS.findall(err)


def test_a_callback_receiver_logs_neither_its_path_nor_numbers(
    start: Pay, options: tuple[str, ...], pay: Pay, root: Path, environment: dict[str, str]
) -> None:
    pay("run", root / "sample_files/gift_cards.csv", *PAYING)
    secret = environment["BULK_TOPUP_CALLBACK_TOKEN"] = "s3cret-path-" + "x" * 20
    process = start("--log-level", "debug", "listen", "--port", 0, *options)
    url = f"{process.stdout.readline().split(' at ')[1].split()[0]}/{secret}"
    body = json.dumps({"external_id": ["+6595123100"], "credit_party_identifier": {"mobile_number": "+6595123100"}})
    for address in (url, url.replace("s3cret-path", "guess")):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(address, body.encode(), method="POST"))  # noqa: S310
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "s3cret-path" not in err
    assert not NUMBERS.findall(err)


@pytest.mark.parametrize("umask", [0, 0o077])
def test_files_and_folders_are_private_whatever_the_umask(
    environment: dict[str, str], root: Path, tmp_path: Path, umask: int
) -> None:
    list_, command = root / "sample_files/rewards.csv", Path(sys.executable).with_name("bulk-topup")
    without_pair = {name: value for name, value in environment.items() if not name.startswith("DVS_API_")}
    for words in (
        ("plan", list_, "--product", 6418),
        ("run", list_, "--product", 6418, *PAYING),
        ("pin-key", "new"),
    ):
        ended = subprocess.run(
            [command, *map(str, words)], env=without_pair, cwd=tmp_path, umask=umask, capture_output=True, check=False
        )
        assert ended.returncode in {0, 1}
    found = list(tmp_path.rglob("*"))
    names = {path.name for path in found}
    assert {"sandbox.db", "pin.key", "plan.json", "results.xlsx", "sandbox.db.sandbox-books.jsonl"} <= names
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in found}
    assert {path for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == set()
