"""Purged runs: never paid again, and still reported with their money."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Pay = Callable[..., Any]

PAYING = ("--product", 6418, "--rate", 1000, "--poll-interval", 0.1)
PURGE = ("ledger", "purge", "--older-than", "0d", "--yes")


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    path = tmp_path / "bonus.csv"
    path.write_text(
        "reference,phone,amount,name\n"
        + "".join(f"R-{row},+6595123{500 + row},5,Ann Example {row}\n" for row in range(5))
    )
    return path


def bytes_of(folder: Path) -> bytes:
    files = sorted(folder.glob("ledger.db*"))
    return subprocess.run(["cat", *files], capture_output=True, check=True).stdout


def test_a_purged_run_is_reported_with_its_money_and_is_never_sent_again(
    pay: Pay, books: Pay, results: Pay, list_: Path, tmp_path: Path
) -> None:
    pay("run", list_, *PAYING)
    before, paid = json.loads(pay("status", "bonus", "--json").stdout), books()
    assert b"Ann Example" in bytes_of(tmp_path)
    dry = json.loads(pay(*PURGE, "--dry-run", "--json").stdout)
    assert [(each["run"], each["rows"], each["purged"]) for each in dry] == [("list/bonus", 5, True)]
    assert b"Ann Example" in bytes_of(tmp_path)
    done = json.loads(pay(*PURGE, "--json").stdout)
    assert [each["purged"] for each in done] == [True]
    for text in (b"Ann Example", b"6595123", b"R-1"):
        assert text not in bytes_of(tmp_path)
    assert json.loads(pay("status", "bonus", "--json").stdout) == before
    assert "purged" in pay("status").stdout
    assert "Personal data purged 20" in pay("report", "bonus").stdout
    for words in (
        ("run", list_, *PAYING),
        ("plan", list_, "--product", 6418),
        ("retry", "bonus", "--all-failed"),
    ):
        assert "its payments can no longer be recognised. Nothing was sent." in pay(*words, code=3).stderr
    assert books() == paid
    rows = results("list-bonus")
    assert [row["result_state"] for row in rows] == ["completed"] * 5
    assert {row["result_credit_party"] for row in rows} == {""}
    pay("run", list_, "--run-key", "again", *PAYING)
    assert len(books()["transactions"]) == 10


def test_recent_and_open_runs_are_not_purged_and_the_reason_is_given(pay: Pay, list_: Path, tmp_path: Path) -> None:
    list_.write_text(list_.read_text() + "R-9,+6595123303,5,Ann Example 9\n")
    pay("run", list_, *PAYING, "--tracking-timeout", 0, code=75)
    [open_] = json.loads(pay(*PURGE, "--json").stdout)
    assert not open_["purged"]
    assert " open or in conflict" in open_["reason"]
    pay("resume", "bonus", "--poll-interval", 0.1, code=1)
    [young] = json.loads(pay("ledger", "purge", "--older-than", "90d", "--yes", "--json").stdout)
    assert young["reason"] == "It changed 0 days ago."
    assert b"Ann Example" in bytes_of(tmp_path)


def test_a_purge_needs_a_confirmation(pay: Pay, list_: Path, tmp_path: Path) -> None:
    pay("run", list_, *PAYING)
    assert "Add --yes" in pay("ledger", "purge", "--older-than", "0d", code=3).stderr
    assert b"Ann Example" in bytes_of(tmp_path)


def test_a_run_that_a_velocity_limit_covers_is_not_purged_and_a_longer_limit_is_refused(
    pay: Pay, books: Pay, list_: Path, tmp_path: Path
) -> None:
    job = 'name = "{name}"\nlist = "{list}"\nproduct = 6418\nrun_key = "one"\n[velocity]\ndays = {days}\npayments = 5\n'
    (tmp_path / "first.toml").write_text(job.format(list=list_, name="first", days=30))
    pay("run", "first.toml", *PAYING[2:])
    [stays] = json.loads(pay(*PURGE, "--json").stdout)
    assert "covers 30 days" in stays["reason"]
    connection = sqlite3.connect(tmp_path / "ledger.db")
    with connection:
        connection.execute("UPDATE events SET at = '2026-01-01T00:00:00+00:00'")
        connection.execute("UPDATE attempts SET intent_at = strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-40 days')")
    connection.close()
    assert [each["purged"] for each in json.loads(pay(*PURGE, "--json").stdout)] == [True]
    before = books()
    (tmp_path / "second.toml").write_text(job.format(list=list_, name="second", days=60))
    assert "Choose fewer days, or wait." in pay("run", "second.toml", *PAYING[2:], code=3).stderr
    assert "Choose fewer days, or wait." in pay("plan", "second.toml", code=3).stderr
    assert books() == before
    (tmp_path / "third.toml").write_text(job.format(list=list_, name="third", days=30))
    pay("run", "third.toml", *PAYING[2:])
    assert len(books()["transactions"]) == 10
