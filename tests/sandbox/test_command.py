"""`bulk-topup sandbox` in its own process."""

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from bulk_topup.cli.commands.sandbox import sandbox_command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_signalled_and_exits_with_0(command: Callable[..., Any], number: signal.Signals) -> None:
    sandbox = command("--balance", "USD=12.5", "--balance", "EUR=3")
    with httpx2.Client(auth=sandbox.auth) as client:
        balances = client.get(f"{sandbox.base_url}/balances")
        assert [(item["unit"], item["available"]) for item in balances.json()] == [("USD", 12.5), ("EUR", 3)]
        assert balances.headers["x-ratelimit-limit"] == "100"
        sandbox.process.send_signal(number)
        out, err = sandbox.process.communicate(timeout=30)
    assert (sandbox.process.returncode, out, err) == (0, "", "")


def test_without_api_credentials_it_creates_them_and_prints_lines_to_paste(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    sandbox, other = command(), command()
    assert sandbox.auth[0] != other.auth[0]
    assert sandbox.auth[1] != other.auth[1]
    [line] = re.findall(r"^  bulk-topup (.+)$", sandbox.printed, re.MULTILINE)
    key, secret = sandbox.auth
    environment = {"DVS_API_KEY": key, "DVS_API_SECRET": secret, "COLUMNS": "200", "HOME": str(tmp_path)}
    shown = subprocess.run(
        [sandbox.program, *line.split()], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert "6418" in shown


def test_a_secret_from_an_option_is_not_shown_and_a_port_in_use_is_an_error_of_one_line(
    command: Callable[..., Any],
) -> None:
    sandbox = command("--api-key", "mine", "--api-secret", "known only to me")
    assert "known only to me" not in sandbox.printed
    assert "export DVS_API_KEY=mine" in sandbox.printed
    assert httpx2.get(f"{sandbox.base_url}/balances", auth=("mine", "known only to me")).status_code == 200
    port = sandbox.base_url.removesuffix("/v1").rpartition(":")[2]
    refused = command("--port", port, fails=True)
    assert refused.returncode == 5
    [line] = refused.stderr.splitlines()
    assert line.startswith(f"Error: Can't listen on 127.0.0.1 port {port}: Address already in use")


def test_existing_books_keep_their_balances_whatever_balance_options_are_set(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    books = ("--books", tmp_path / "books.jsonl", "--time-scale", 0.0001)
    first = command(*books, "--balance", "USD=100")
    card = {"external_id": "a", "product_id": 8803, "auto_confirm": True}
    assert httpx2.post(f"{first.base_url}/async/transactions", auth=first.auth, json=card).status_code == 201
    first.process.send_signal(signal.SIGTERM)
    first.process.communicate(timeout=30)
    second = command(*books, "--balance", "USD=7")
    [wallet] = httpx2.get(f"{second.base_url}/balances", auth=second.auth).json()
    assert wallet["available"] == 76.25


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--balance", "USD"), "write it like USD=10000"),
        (("--balance", "dollars=5"), "write it like USD=10000"),
        (("--balance", "USD=-5"), "write it like USD=10000"),
        (("--balance", "USD=5", "--balance", "USD=6"), "USD is given twice"),
        (("--time-scale", "0"), "time-scale"),
        (("--rate-limit", "-1"), "rate-limit"),
    ],
)
def test_invalid_options_are_usage_errors(words: tuple[str, ...], says: str) -> None:
    refused = CliRunner().invoke(sandbox_command, words)
    assert refused.exit_code == 2
    assert says in refused.output


def test_it_serves_a_catalogue_of_real_size_with_a_wallet_of_each_currency(command: Callable[..., Any]) -> None:
    sandbox = command("--catalogue", "real-size", "--seed", 5, "--latency", 0.001)
    with httpx2.Client(auth=sandbox.auth) as client:
        assert client.get(f"{sandbox.base_url}/products", params={"per_page": 1}).headers["x-total"] == "20000"
        units = [wallet["unit"] for wallet in client.get(f"{sandbox.base_url}/balances").json()]
    assert units == ["USD", "EUR", "GBP", "JPY", "KWD"]


def test_a_seed_without_a_catalogue_that_is_generated_is_refused() -> None:
    result = CliRunner().invoke(sandbox_command, ["--seed", "5"])
    assert (result.exit_code, "Add --catalogue real-size." in result.stderr) == (2, True)
