"""`bulk-topup sandbox` as a process of its own."""

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop_and_ends_well(command: Callable[..., Any], number: signal.Signals) -> None:
    sandbox = command("--balance", "USD=12.5", "--balance", "EUR=3")
    with httpx2.Client(auth=sandbox.auth) as client:
        balances = client.get(f"{sandbox.base_url}/balances")
        assert [(item["unit"], item["available"]) for item in balances.json()] == [("USD", 12.5), ("EUR", 3)]
        assert balances.headers["x-ratelimit-limit"] == "100"
        sandbox.process.send_signal(number)
        out, err = sandbox.process.communicate(timeout=30)
    assert (sandbox.process.returncode, out, err) == (0, "", "")


def test_without_a_key_pair_it_makes_one_and_prints_lines_to_paste(command: Callable[..., Any]) -> None:
    pairs = {command().auth for _ in range(2)}
    assert len(pairs) == 2
    assert all(len(secret) >= 20 for _, secret in pairs)


def test_the_printed_command_works(command: Callable[..., Any]) -> None:
    sandbox = command()
    [line] = re.findall(r"^  bulk-topup (.+)$", sandbox.printed, re.MULTILINE)
    environment = {"DVS_API_KEY": sandbox.auth[0], "DVS_API_SECRET": sandbox.auth[1], "COLUMNS": "200"}
    shown = subprocess.run(
        [sandbox.program, *line.split()], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert "6418" in shown


def test_a_secret_that_is_given_is_used_and_not_shown(command: Callable[..., Any]) -> None:
    sandbox = command("--api-key", "mine", "--api-secret", "known only to me")
    assert "known only to me" not in sandbox.printed
    assert "export DVS_API_KEY=mine" in sandbox.printed
    assert httpx2.get(f"{sandbox.base_url}/balances", auth=("mine", "known only to me")).status_code == 200


def test_books_go_on_where_they_were_whatever_balances_are_stated(command: Callable[..., Any], tmp_path: Path) -> None:
    books = ("--books", tmp_path / "books.jsonl", "--time-scale", 0.0001)
    first = command(*books, "--balance", "USD=100")
    card = {"external_id": "a", "product_id": 8803, "auto_confirm": True}
    assert httpx2.post(f"{first.base_url}/async/transactions", auth=first.auth, json=card).status_code == 201
    first.process.send_signal(signal.SIGTERM)
    first.process.communicate(timeout=30)
    second = command(*books, "--balance", "USD=7")
    [wallet] = httpx2.get(f"{second.base_url}/balances", auth=second.auth).json()
    assert wallet["available"] == 76.25


def test_a_port_in_use_is_one_line(command: Callable[..., Any]) -> None:
    port = command().base_url.removesuffix("/v1").rpartition(":")[2]
    refused = command("--port", port, fails=True)
    assert refused.returncode == 2
    [line] = refused.stderr.splitlines()
    assert line.startswith(f"Error: The sandbox cannot listen on 127.0.0.1 port {port}: Address already in use")


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
def test_options_that_make_no_sense_are_a_matter_of_usage(
    command: Callable[..., Any], words: tuple[str, ...], says: str
) -> None:
    refused = command(*words, fails=True)
    assert refused.returncode == 2
    assert says in refused.stderr


def test_two_sandboxes_do_not_share_books(command: Callable[..., Any], tmp_path: Path) -> None:
    books = ("--books", tmp_path / "books.jsonl")
    command(*books)
    refused = command(*books, fails=True)
    assert refused.returncode == 2
    assert "Another sandbox holds the books" in refused.stderr
