"""Lists from addresses and standard input: fetched whole or not at all, kept until the run ends, no secret shown."""

import gzip
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bulk_topup.app.remote_list import chunks, fetch
from bulk_topup.cli import main
from tests.e2e.conftest import COMMAND, PATIENCE, sandbox_options

Pay = Callable[..., Any]
NUMBERS = [f"+65951234{number:02}" for number in range(10)]
PRODUCT = ("--product", "6418")
#: Ends a run before it sends anything.
STOPPED = ("--deadline", "2020-01-01T00:00Z")
SECRET = "s3cr3t-signature-of-a-list"


def _csv(*numbers: str) -> bytes:
    return ("phone,amount\n" + "".join(f"{number},5\n" for number in numbers)).encode()


@dataclass
class Host:
    """A host of lists, and what it does about a path that is no list."""

    server: ThreadingHTTPServer
    lists: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    #: Lets those go that hang.
    released: threading.Event = field(default_factory=threading.Event)

    def address(self, path: str, user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.server.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    host: Host

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.host.asked.append(self.path)
        if path.startswith("/to/"):
            self._answer(302, b"", Location=path.removeprefix("/to/").replace(":/", "://"))
        elif path == "/packed.csv":
            self._answer(200, gzip.compress(_csv(*NUMBERS))[:-12], **{"Content-Encoding": "gzip"})
        elif path == "/nowhere.csv":
            self._answer(302, b"", Location="http://[x/")
        elif path == "/moved.csv":
            self._answer(302, b"", Location="/rewards.csv")
        elif path == "/short.csv":
            self._answer(200, _csv(*NUMBERS), **{"Content-Length": "9999"})
            self.close_connection = True
        elif path == "/unmeasured.csv":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + _csv(*NUMBERS))
            self.close_connection = True
        elif path == "/endless.csv":
            self._answer(200, b"", **{"Content-Length": "99999999999"})
            while self._write(b"+6595123400,5\n" * 10_000):
                pass
        elif path == "/hanging.csv":
            self._answer(200, b"", **{"Content-Length": "100"})
            self.host.released.wait(PATIENCE)
        elif (found := self.host.lists.get(path)) is not None:
            self._answer(200, found)
        else:
            self._answer(404, b"<html>not here</html>")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self._write(body)

    def _write(self, body: bytes) -> bool:
        try:
            self.wfile.write(body)
        except OSError:
            return False
        return True


@pytest.fixture
def host() -> Iterator[Host]:
    """Yield a host of lists on this machine."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        found = handler.host = Host(server)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        found.released.set()
        server.shutdown()


@pytest.fixture
def paid(books: Pay) -> Callable[[], Counter[str]]:
    """Return a function that counts the payments to each number in the provider's books."""
    return lambda: Counter(each["credit_party"] for each in books()["transactions"])


@pytest.fixture
def copies(tmp_path: Path) -> Callable[[], list[Path]]:
    """Return a function that returns the copies of lists beside the ledger."""
    return lambda: [path for path in (tmp_path / "ledger.db.lists").rglob("*") if path.is_file()]


def _everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_list_at_an_address_is_paid_and_its_copy_is_removed(pay: Pay, host: Host, paid: Any, tmp_path: Path) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    pay("run", host.address("/rewards.csv"), *PRODUCT)
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)
    assert "list/rewards" in pay("status").stdout
    assert not (tmp_path / "ledger.db.lists").exists()


def test_a_plan_keeps_no_copy(pay: Pay, host: Host, tmp_path: Path) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    assert "rewards.csv: 3 rows, 3 valid" in pay("plan", host.address("/rewards.csv"), *PRODUCT).stdout
    assert not (tmp_path / "ledger.db.lists").exists()


def test_credentials_of_an_address_are_nowhere(pay: Pay, host: Host, tmp_path: Path, paid: Any) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    address = host.address(f"/rewards.csv?sig={SECRET}", user=f"amina:{SECRET}@")
    log = ("--log-json", "log.jsonl")
    shown = [
        pay("plan", address, *PRODUCT, "--run-key", "may", "--json"),
        pay("run", address, *PRODUCT, "--run-key", "may", *STOPPED, *log, code=75),
        pay("run", address, *PRODUCT, "--run-key", "may", *log),
        pay("run", address, *PRODUCT, "--run-key", "june", *log, code=3),  # paid before
        pay("status", "list/may", "--json"),
        pay("run", host.address(f"/none.csv?sig={SECRET}"), *PRODUCT, "--run-key", "a", code=3),
        pay("run", f"ftp://amina:{SECRET}@host/a.csv?sig={SECRET}", *PRODUCT, "--run-key", "a", code=3),
        pay("run", address, *PRODUCT, code=3),  # no run key
        pay("run", host.address(f"/to/http:/127.0.0.1:9/x.csv?sig={SECRET}"), *PRODUCT, "--run-key", "a", code=3),
    ]
    assert any(f"sig={SECRET}" in asked for asked in host.asked)
    assert all(SECRET not in each.stdout + each.stderr for each in shown)
    assert SECRET.encode() not in _everything(tmp_path)
    assert b"amina" not in _everything(tmp_path)
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)


def test_an_interrupted_run_is_resumed_from_its_copy_although_the_address_vanished(
    pay: Pay, host: Host, paid: Any, copies: Any
) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    pay("run", host.address("/rewards.csv"), *PRODUCT, *STOPPED, code=75)
    [copy] = copies()
    assert copy.name == "rewards.csv"
    assert copy.read_bytes() == _csv(*NUMBERS[:3])
    assert copy.stat().st_mode & 0o777 == 0o600
    host.lists.clear()
    asked = len(host.asked)
    resumed = pay("resume", "list/rewards")
    assert "not known whether the list changed" not in resumed.stderr
    assert len(host.asked) == asked
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)
    assert copies() == []


def test_the_copy_of_a_renamed_run_is_read_and_removed(pay: Pay, host: Host, copies: Any) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    pay("run", host.address("/rewards.csv"), *PRODUCT, *STOPPED, code=75)
    pay("run", host.address("/rewards.csv"), *PRODUCT, "--run-key", "other", *STOPPED, code=75)
    assert len(copies()) == 2
    CliRunner().invoke(main, ["ledger", "rename", "list/rewards", "march", "--ledger", "ledger.db"])
    assert "not known" not in pay("resume", "list/march").stderr
    assert len(copies()) == 1


def test_closing_a_run_removes_the_copy(pay: Pay, host: Host, copies: Any, invoke: Pay) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    pay("run", host.address("/rewards.csv"), *PRODUCT, *STOPPED, code=75)
    assert copies()
    invoke("close", "list/rewards", "--reason", "wrong list", "--yes", "--ledger", "ledger.db")
    assert copies() == []


def test_the_same_content_at_another_address_is_not_paid_again(pay: Pay, host: Host, paid: Any) -> None:
    host.lists |= {"/rewards.csv": _csv(*NUMBERS[:3]), "/copy/gifts.csv": _csv(*NUMBERS[:3])}
    pay("run", host.address("/rewards.csv"), *PRODUCT)
    again = pay("run", host.address("/copy/gifts.csv"), *PRODUCT, code=3)
    assert "3 of 3 rows repeat payments of list/rewards" in again.stderr
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)


def test_a_list_that_changed_at_its_address_is_treated_as_a_changed_file(
    pay: Pay, host: Host, paid: Any, copies: Any, tmp_path: Path
) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    pay("run", host.address("/rewards.csv"), *PRODUCT)
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:4])
    changed = pay("run", host.address("/rewards.csv"), *PRODUCT, code=3)
    file = tmp_path / "file.csv"
    file.write_bytes(_csv(*NUMBERS[:4]))
    local = pay("run", file, *PRODUCT, "--run-key", "rewards", code=3)
    assert changed.stderr.replace(host.address("/rewards.csv"), "LIST") == local.stderr.replace(str(file), "LIST")
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)
    assert copies() == []


def test_a_corrected_list_replaces_the_copy_of_an_open_run(pay: Pay, host: Host, copies: Any, paid: Any) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    pay("run", host.address("/rewards.csv"), *PRODUCT, *STOPPED, code=75)
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:4])
    pay("run", host.address("/rewards.csv"), *PRODUCT, *STOPPED, code=75)
    [copy] = copies()
    assert copy.read_bytes() == _csv(*NUMBERS[:4])
    pay("run", host.address("/rewards.csv"), *PRODUCT)
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none.csv", "HTTP 404"),
        ("/short.csv", "Can't fetch all of"),
        ("/unmeasured.csv", "unknown whether it is complete"),
        ("/endless.csv", "has more than 1,000 bytes"),
        ("/to/https:/127.0.0.1/a.csv", "redirects to another host or scheme"),
        ("/to/http:/127.0.0.1:9/a.csv", "redirects to another host or scheme"),
        ("/to/file:/etc/passwd", "redirects to another host or scheme"),
    ],
)
def test_what_does_not_come_whole_from_the_lists_own_host_is_not_paid(
    pay: Pay, host: Host, paid: Any, copies: Any, monkeypatch: pytest.MonkeyPatch, path: str, message: str
) -> None:
    monkeypatch.setattr(chunks, "MAX_FETCHED_BYTES", 1_000)
    failed = pay("run", host.address(path), *PRODUCT, code=3)
    assert message in failed.stderr
    assert paid() == {}
    assert copies() == []


def test_a_redirect_on_the_same_host_is_followed(pay: Pay, host: Host, paid: Any) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:2])
    pay("run", host.address("/moved.csv"), *PRODUCT)
    assert paid() == dict.fromkeys(NUMBERS[:2], 1)


@pytest.mark.usefixtures("real_time")
def test_a_host_that_hangs_is_left(pay: Pay, host: Host, paid: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FETCH_SECONDS", 0.2)
    assert "was not complete after 0.2 s" in pay("run", host.address("/hanging.csv"), *PRODUCT, code=3).stderr
    assert paid() == {}


def test_http_is_for_this_machine_only(pay: Pay) -> None:
    assert "Use https://" in pay("run", "http://lists.example/a.csv", *PRODUCT, code=3).stderr


def test_a_job_file_names_an_address(pay: Pay, host: Host, paid: Any, tmp_path: Path) -> None:
    host.lists["/2026-11.csv"] = _csv(*NUMBERS[:2])
    job = tmp_path / "gifts.toml"
    address = host.address("/{today:%Y-%m}.csv") + f"?sig={SECRET}"
    job.write_text(f'list = "{address}"\nproduct = 6418\nrun_key = "{{today:%Y-%m}}"\n')
    assert SECRET not in pay("run", job, "--today", "2026-11-01").stdout
    assert paid() == dict.fromkeys(NUMBERS[:2], 1)


@pytest.mark.usefixtures("invoke")  # in the temporary folder
def test_standard_input_needs_a_run_key_and_is_kept_until_the_run_ends(
    environment: dict[str, str], sandbox: Any, paid: Any, copies: Any
) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(main, list(words), input=_csv(*NUMBERS[:3]), env=environment)

    options = sandbox_options(sandbox)
    assert "Add --run-key" in run("run", "-", *PRODUCT, *options).stderr
    stopped = run("run", "-", *PRODUCT, "--run-key", "may", *STOPPED, *options)
    assert stopped.exit_code == 75, stopped.output
    [copy] = copies()
    assert (copy.name, copy.read_bytes()) == ("list.csv", _csv(*NUMBERS[:3]))
    resumed = run("resume", "list/may", *options)
    assert resumed.exit_code == 0, resumed.output
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)
    assert copies() == []


def test_standard_input_of_a_process_is_paid_once(
    environment: dict[str, str], tmp_path: Path, sandbox: Any, paid: Any
) -> None:
    words = [str(COMMAND), "run", "-", *PRODUCT, "--run-key", "may", *sandbox_options(sandbox)]
    for _ in range(2):
        process = subprocess.run(
            words, input=_csv(*NUMBERS[:3]), env=environment, cwd=tmp_path, capture_output=True, timeout=PATIENCE
        )
        assert process.returncode == 0, process.stderr.decode()
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)
    another = subprocess.run(
        [*words[: -len(sandbox_options(sandbox)) - 1], "june", *sandbox_options(sandbox)],
        input=_csv(*NUMBERS[:3]),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert another.returncode == 3
    assert "repeat payments of list/may" in another.stderr.decode()


def test_only_a_list_with_a_name_of_its_own_is_added_to_a_run(pay: Pay, host: Host, paid: Any) -> None:
    host.lists |= {"/a.csv": _csv(*NUMBERS[:2]), "/b.csv": _csv(*NUMBERS[2:4])}
    pay("run", host.address("/a.csv"), *PRODUCT, "--run-key", "may")
    refused = pay("run", host.address("/b.csv?part=2"), *PRODUCT, "--run-key", "may", "--add", code=3)
    assert "has no name of its own" in refused.stderr
    pay("run", host.address("/b.csv"), *PRODUCT, "--run-key", "may", "--add")
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)


def test_only_a_file_is_marked(pay: Pay, host: Host) -> None:
    host.lists["/rewards.csv"] = _csv("+6512")
    address = host.address("/rewards.csv")
    assert "--marked" not in pay("plan", address, *PRODUCT, code=3).stdout
    refused = pay("plan", address, *PRODUCT, "--marked", "marked.xlsx", code=2)
    assert "Save this list as one, and plan that." in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("path", "says"), [("/packed.csv", "comes compressed"), ("/nowhere.csv", "redirects to no valid address")]
)
def test_what_may_be_a_part_of_a_list_is_refused(pay: Pay, host: Host, paid: Any, path: str, says: str) -> None:
    assert says in pay("run", host.address(path), *PRODUCT, code=3).stderr
    assert paid() == {}


def test_a_copy_that_was_changed_is_not_read_and_is_replaced(pay: Pay, host: Host, paid: Any, copies: Any) -> None:
    host.lists["/rewards.csv"] = _csv(*NUMBERS[:3])
    pay("run", host.address("/rewards.csv"), *PRODUCT, *STOPPED, code=75)
    [copy] = copies()
    copy.write_bytes(_csv(*NUMBERS[:2]))
    pay("run", host.address("/rewards.csv"), *PRODUCT, *STOPPED, code=75)
    assert copy.read_bytes() == _csv(*NUMBERS[:3])
    copy.write_bytes(_csv(*NUMBERS[:2]))
    pay("resume", "list/rewards")
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)
