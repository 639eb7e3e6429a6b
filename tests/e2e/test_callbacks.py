"""Callbacks: received during a run or by `listen`, and only hints to fetch the transaction."""

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from bulk_topup.ledger import LedgerStore

Start = Callable[..., subprocess.Popen[str]]
PAYING = ("--product", 6418, "--rate", 1000)
TOKEN = "t0ken-of-callbacks-" + "x" * 20


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    path = tmp_path / "bonus.csv"
    path.write_text("reference,phone,amount\n" + "".join(f"1000{row},+6595123{500 + row},5\n" for row in range(10)))
    return path


@pytest.fixture
def listener(start: Start, options: tuple[str, ...], environment: dict[str, str]) -> Callable[[], str]:
    """Return a function that starts `listen` and returns the URL that receives callbacks, without the token."""

    def run() -> str:
        environment["BULK_TOPUP_CALLBACK_TOKEN"] = TOKEN
        process = start("listen", "--port", 0, *options)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert TOKEN not in line
        return line.split(" at ")[1].split()[0]

    return run


def _post(url: str, body: bytes, method: str = "POST") -> int:
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - a loopback address
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


def _states(folder: Path) -> Counter[str]:
    with LedgerStore(folder / "ledger.db") as ledger:
        return Counter(outcome.state.value for outcome in ledger.outcomes.rows(ledger.runs.named("bonus")))


@pytest.mark.usefixtures("real_time")
@pytest.mark.parametrize("time_scale", [0.1])  # no row is final in the response to its creation
def test_a_run_that_receives_callbacks_fetches_single_transactions_and_polls_no_list(
    pay: Any, books: Any, results: Any, agree: Any, sandbox: Any, credentials: tuple[str, str], list_: Path
) -> None:
    counters = [{"kind": "latency", "method": "GET", "path": path} for path in ("/transactions", "/transactions/*")]
    faults = f"{sandbox.address}/sandbox/faults"
    httpx2.put(faults, json=[{**counter, "seconds": 0} for counter in counters], auth=credentials).raise_for_status()
    pay("run", list_, *PAYING, "--listen", "127.0.0.1:0")
    agree(results("list-bonus"), books())
    lists, singles = (counter["met"] for counter in httpx2.get(faults, auth=credentials).json())
    assert lists == 0
    assert singles >= 10


def test_callbacks_are_received_over_https(
    start: Start, options: tuple[str, ...], pay: Any, books: Any, list_: Path, tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    pay("run", list_, *PAYING, "--poll-interval", 0.1)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "token").chmod(0o600)
    process = start(
        "listen", "--port", 0, "--cert", "cert.pem", "--key", "key.pem", "--callback-token-file", "token", *options
    )
    assert process.stdout is not None
    url = process.stdout.readline().split(" at ")[1].split()[0]
    assert url.startswith("https://127.0.0.1:")
    body = {"external_id": books()["transactions"][0]["external_id"]}
    trusting = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    assert httpx2.post(f"{url}/{TOKEN}", json=body, verify=trusting).status_code == 204


def test_an_unusable_certificate_is_reported(pay: Any, environment: dict[str, str], tmp_path: Path) -> None:
    LedgerStore(tmp_path / "ledger.db").close()
    (tmp_path / "cert.pem").write_text("none")
    environment["BULK_TOPUP_CALLBACK_TOKEN"] = TOKEN
    output = pay("listen", "--port", 0, "--cert", "cert.pem", "--key", "cert.pem", code=3).stderr
    assert "Can't use the certificate or its key" in output


def test_a_later_reversal_reaches_the_ledger_and_the_next_report(
    pay: Any, books: Any, results: Any, wait_until: Any, sandbox: Any, listener: Any, credentials: tuple[str, str],
    list_: Path, tmp_path: Path,
) -> None:  # fmt: skip
    with LedgerStore(tmp_path / "ledger.db"):
        url = listener()
    pay("run", list_, *PAYING, "--callback-url", url, "--poll-interval", 0.1)
    paid = books()["transactions"][0]
    _reverse(sandbox, credentials, paid["id"])
    wait_until(lambda: _states(tmp_path)["reversed"] == 1)
    pay("report", "bonus")
    [row] = [row for row in results("list-bonus") if row["result_state"] == "reversed"]
    assert row["result_external_id"] == paid["external_id"]


def test_a_reversal_of_a_purged_run_reaches_the_ledger(
    pay: Any, books: Any, wait_until: Any, sandbox: Any, listener: Any, credentials: tuple[str, str], list_: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    with LedgerStore(tmp_path / "ledger.db"):
        url = listener()
    pay("run", list_, *PAYING, "--callback-url", url, "--poll-interval", 0.1)
    pay("ledger", "purge", "bonus", "--older-than", "0d", "--yes")
    _reverse(sandbox, credentials, books()["transactions"][0]["id"])
    wait_until(lambda: _states(tmp_path)["reversed"] == 1)


def _reverse(sandbox: Any, credentials: tuple[str, str], transaction_id: int) -> None:
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    passwords.add_password(None, sandbox.address, *credentials, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    url = f"{sandbox.address}/sandbox/transactions/{transaction_id}/reverse"
    opener.open(urllib.request.Request(url, data=b"", method="POST")).close()  # noqa: S310


def test_a_forged_callback_changes_no_row(
    pay: Any, books: Any, wait_until: Any, listener: Any, list_: Path, tmp_path: Path
) -> None:
    pay("run", list_, *PAYING, "--poll-interval", 0.1)
    url = listener()
    paid = books()["transactions"][0]
    forged = {
        "id": paid["id"],
        "external_id": paid["external_id"],
        "status": {"class": {"id": 8, "message": "REVERSED"}},
    }
    assert _post(f"{url}/{TOKEN}", json.dumps(forged).encode()) == 204

    def is_checked() -> bool:
        with LedgerStore(tmp_path / "ledger.db") as ledger:
            return not ledger.hints.attempts(ledger.runs.named("bonus"))

    wait_until(is_checked)
    assert _states(tmp_path) == {"completed": 10}


def test_requests_that_are_no_callbacks_of_ours_are_refused(listener: Any, tmp_path: Path) -> None:
    with LedgerStore(tmp_path / "ledger.db"):
        url = f"{listener()}/{TOKEN}"
    known_form = json.dumps({"external_id": "another-system-1"}).encode()
    assert _post(url, known_form) == 404
    assert _post(url.replace("t0ken", "guess"), known_form) == 404
    assert _post(url, b"{") == 400
    assert _post(url, b"[]") == 400
    assert _post(url, b'{"external_id": 7}') == 400
    assert _post(url, b" " * 300_000) == 413
    assert _post(url, b"{}", method="PUT") == 405


def test_a_saved_hint_is_followed_when_a_receiver_starts(
    pay: Any, books: Any, wait_until: Any, sandbox: Any, listener: Any, credentials: tuple[str, str], list_: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    pay("run", list_, *PAYING, "--poll-interval", 0.1)
    paid = books()["transactions"][0]
    _reverse(sandbox, credentials, paid["id"])
    # A hint that was saved and not followed, as after a crash.
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        run = ledger.runs.named("bonus")
        assert ledger.hints.save(paid["external_id"])
        assert [hint.attempt.external_id for hint in ledger.hints.attempts(run)] == [paid["external_id"]]
    listener()
    wait_until(lambda: _states(tmp_path)["reversed"] == 1)


@pytest.mark.parametrize("address", ["8443", "127.0.0.1:", "127.0.0.1:99999", "host:x"])
def test_an_invalid_address_to_listen_on_is_reported(pay: Any, list_: Path, address: str) -> None:
    assert "is not HOST:PORT" in pay("run", list_, *PAYING, "--listen", address, code=2).stderr


def test_a_callback_url_that_dvs_cannot_post_to_is_reported(pay: Any, list_: Path) -> None:
    assert "is not a URL" in pay("run", list_, *PAYING, "--callback-url", "example", code=2).stderr


def test_a_callback_address_that_others_can_read_is_refused(pay: Any, books: Any, list_: Path) -> None:
    for url in ("http://pay.example.com/x", "http://10.1.2.3"):
        assert "is not a URL that DVS can post to safely" in pay("run", list_, "--callback-url", url, code=2).stderr
    assert "would not be encrypted" in pay("run", list_, *PAYING, "--listen", "0.0.0.0:0", code=3).stderr
    assert not books()["transactions"]


@pytest.mark.parametrize(
    ("token", "problem"), [("", "is missing"), ("x" * 31, "is not 32 or more"), ("x" * 40 + "/", "not 32")]
)
def test_a_receiver_needs_a_long_token(
    pay: Any, environment: dict[str, str], tmp_path: Path, token: str, problem: str
) -> None:
    LedgerStore(tmp_path / "ledger.db").close()
    environment["BULK_TOPUP_CALLBACK_TOKEN"] = token
    error = pay("listen", "--port", 0, code=3).stderr
    assert problem in error
    assert not token or token not in error
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "token").chmod(0o644)
    assert "Other users can read" in pay("listen", "--port", 0, "--callback-token-file", "token", code=3).stderr


def test_the_token_ends_the_address_that_dvs_is_given(
    pay: Any, sandbox: Any, credentials: tuple[str, str], environment: dict[str, str], list_: Path
) -> None:
    environment["BULK_TOPUP_CALLBACK_TOKEN"] = TOKEN
    result = pay("run", list_, *PAYING, "--callback-url", "https://127.0.0.1:9/dvs/")
    assert TOKEN not in result.stdout + result.stderr
    paid = httpx2.get(f"{sandbox.base_url}/transactions", auth=credentials).json()
    assert {each["callback_url"] for each in paid} == {f"https://127.0.0.1:9/dvs/{TOKEN}"}
    del environment["BULK_TOPUP_CALLBACK_TOKEN"]  # another process, which does not know what to leave out
    for more in ([], ["--reveal-pins"]):
        shown = pay("transaction", "show", paid[0]["id"], "--json", *more).stdout
        assert TOKEN not in shown
        assert "https://127.0.0.1:9/••••" in shown
