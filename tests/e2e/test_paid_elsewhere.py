"""A new run in preprod or production whose beneficiaries another ledger paid today."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

Invoke = Callable[..., Any]

PARTIES = [f"+65951234{number:02}" for number in range(10, 22)]
PAYING = ("--product", 6418)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a list by its name, with an amount for each number."""

    def make(name: str, *numbers: str, amount: str = "5") -> Path:
        path = tmp_path / name
        path.write_text("phone,amount\n" + "".join(f"{number},{amount}\n" for number in numbers))
        return path

    return make


@pytest.fixture
def mine(invoke: Invoke, sandbox: Any) -> Invoke:
    """Return a function that runs a command in preprod with this ledger."""
    options = ("--env", "preprod", "--base-url", sandbox.base_url, "--ledger", "mine.db")
    return lambda *words, code=0: invoke(*words, *options, code=code)


@pytest.fixture
def theirs(invoke: Invoke, sandbox: Any) -> Invoke:
    """Return a function that runs a command in preprod with the ledger of another machine."""
    options = ("--env", "preprod", "--base-url", sandbox.base_url, "--ledger", "theirs.db")
    return lambda *words, code=0: invoke(*words, *options, code=code)


def count(books: Callable[[], Any]) -> int:
    return len(books()["transactions"])


def test_a_list_that_another_ledger_paid_today_under_another_name_is_not_paid_again(
    mine: Invoke, theirs: Invoke, write: Callable[..., Path], books: Callable[[], Any]
) -> None:
    theirs("run", write("rewards.csv", *PARTIES), *PAYING)
    again = write("rewards (1).csv", *PARTIES)
    planned = mine("plan", again, *PAYING, code=3)
    assert "Paid today from elsewhere" in planned.stdout
    refused = mine("run", again, *PAYING, code=3)
    message = " ".join(refused.stderr.split())
    assert "may have been paid today from elsewhere" in message
    assert "line 2: transaction" in message
    assert "add --pay-again REASON" in message
    assert not re.search(r"\+65951234", message)
    assert count(books) == len(PARTIES)
    found = json.loads(mine("run", again, *PAYING, "--json", code=3).stdout)["paid_elsewhere"]
    assert found["asked"] == 5
    assert len(found["payments"]) == 5


def test_pay_again_pays_them_and_is_kept_with_the_run(
    mine: Invoke, theirs: Invoke, write: Callable[..., Path], books: Callable[[], Any]
) -> None:
    theirs("run", write("rewards.csv", *PARTIES), *PAYING)
    again = write("second.csv", *PARTIES)
    shown = mine("run", again, *PAYING, "--pay-again", "second bonus")
    assert "5 rows repeat payments of another ledger" in " ".join(shown.stdout.split())
    assert count(books) == 2 * len(PARTIES)
    kept = json.loads(mine("status", "list/second", "--json").stdout)["paid_again"]
    assert [(entry["runs"], entry["rows"], entry["reason"]) for entry in kept] == [
        (["another ledger"], 5, "second bonus")
    ]


def test_other_amounts_and_failed_payments_and_what_this_ledger_paid_stop_nothing(
    mine: Invoke, theirs: Invoke, write: Callable[..., Path], books: Callable[[], Any]
) -> None:
    theirs("run", write("other.csv", *PARTIES, amount="6"), *PAYING)
    declined = [f"+65951{number}106" for number in range(30, 34)]
    theirs("run", write("failed.csv", *declined), *PAYING, code=1)
    mine("run", write("mine.csv", *PARTIES), *PAYING)
    mine("run", write("declined.csv", *declined), *PAYING, code=1)
    assert count(books) == 2 * len(PARTIES) + 2 * len(declined)


def test_a_run_of_which_nothing_was_sent_is_still_asked_about(
    mine: Invoke, theirs: Invoke, write: Callable[..., Path], books: Callable[[], Any]
) -> None:
    """A rebuild that finds nothing creates the run; it does not make the payments of others unknown."""
    theirs("run", write("rewards.csv", *PARTIES), *PAYING, "--run-key", "theirs")
    again = write("again.csv", *PARTIES)
    refused = mine("run", again, *PAYING, code=3)
    assert "rebuild the run first" in " ".join(refused.stderr.split())
    mine("reconcile", "--rebuild", again, *PAYING, "--from", "2020-01-01", "--to", "2020-01-02")
    mine("run", again, *PAYING, code=3)
    assert count(books) == len(PARTIES)
    mine("reconcile", "--rebuild", again, *PAYING, code=1)
    mine("run", again, *PAYING, code=1)
    assert count(books) == len(PARTIES)


def test_a_lost_ledger_still_takes_its_own_payments_over(
    mine: Invoke, write: Callable[..., Path], tmp_path: Path, books: Callable[[], Any]
) -> None:
    list_ = write("rewards.csv", *PARTIES)
    mine("run", list_, *PAYING)
    for file in tmp_path.glob("mine.db*"):
        if file.is_file():
            file.unlink()
    mine("run", list_, *PAYING)
    assert count(books) == len(PARTIES)


def test_a_lost_ledger_knows_all_rows_of_a_family_as_its_own(
    mine: Invoke, write: Callable[..., Path], tmp_path: Path, books: Callable[[], Any]
) -> None:
    """Each of two rows of one beneficiary lists the other's payment, whose ID is the list's own as well."""
    list_ = write("rewards.csv", PARTIES[0], PARTIES[0])
    mine("run", list_, *PAYING, "--allow-duplicates")
    for file in tmp_path.glob("mine.db*"):
        if file.is_file():
            file.unlink()
    mine("run", list_, *PAYING, "--allow-duplicates")
    assert count(books) == 2


def test_the_sandbox_is_not_asked(invoke: Invoke, sandbox: Any, write: Callable[..., Path]) -> None:
    options = ("--base-url", sandbox.base_url)
    invoke("run", write("rewards.csv", *PARTIES), *PAYING, *options, "--ledger", "theirs.db")
    planned = invoke("plan", write("more.csv", *PARTIES), *PAYING, *options, "--ledger", "mine.db", "--json")
    assert json.loads(planned.stdout)["paid_elsewhere"] == {"asked": 0, "payments": [], "unanswerable": ""}


def test_a_list_that_a_purged_run_paid_today_is_not_paid_again(
    mine: Invoke, write: Callable[..., Path], books: Callable[[], Any]
) -> None:
    mine("run", write("rewards.csv", *PARTIES), *PAYING)
    mine("ledger", "purge", "--older-than", "0d", "--yes")
    again = write("rewards (1).csv", *PARTIES)
    assert "no longer since a purge" in " ".join(mine("run", again, *PAYING, code=3).stderr.split())
    assert count(books) == len(PARTIES)
    mine("run", again, *PAYING, "--pay-again", "second bonus")
    assert count(books) == 2 * len(PARTIES)


def test_a_purged_run_for_another_day_stops_no_scheduled_one(
    mine: Invoke, write: Callable[..., Path], books: Callable[[], Any], tmp_path: Path
) -> None:
    write("rewards.csv", *PARTIES)
    (tmp_path / "rewards.toml").write_text('list = "rewards.csv"\nproduct = 6418\nrun_key = "{today}"\n')
    for day in ("2026-11-02", "2026-11-03"):
        mine("run", "rewards.toml", "--today", day)
        mine("ledger", "purge", "--older-than", "0d", "--yes")
    assert count(books) == 2 * len(PARTIES)


def test_a_bill_that_another_ledger_paid_today_is_not_paid_again_whatever_it_amounts_to(
    mine: Invoke, theirs: Invoke, tmp_path: Path, books: Callable[[], Any], sandbox: Any, credentials: tuple[str, str]
) -> None:
    asking = ("--product", 9105, "--amount", "statement", "--bill", "oldest")
    for name in ("bills.csv", "again.csv"):
        (tmp_path / name).write_text("account_number,account_qualifier\n30294429610,PREPAID\n")
    theirs("run", "bills.csv", *asking)
    body = b'[{"products": [9105], "amount_factor": 1.1}]'
    httpx2.put(f"{sandbox.address}/sandbox/changes", content=body, auth=credentials).raise_for_status()
    assert "may have been paid today from elsewhere" in " ".join(
        mine("run", "again.csv", *asking, code=3).stderr.split()
    )
    assert count(books) == 1
    mine("run", "again.csv", *asking[:-1], "newest")  # is another bill
    assert count(books) == 2
