"""A closed run is never sent again, and everything that shows it says so; `resume` still follows what was sent."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulk_topup import Ledger, plan_list, run_job
from bulk_topup.errors import ClosedRunError
from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.system.clock import SystemClock

LIST = "reference,phone,amount\n" + "".join(f"A-{row},+659512300{row},5\n" for row in range(1, 4))
STOPPED = ("--deadline", "2020-01-01")


@pytest.fixture
def pay_list(tmp_path: Path) -> Path:
    (tmp_path / "pay.csv").write_text(LIST)
    return tmp_path / "pay.csv"


@pytest.fixture
def closed(pay: Any, pay_list: Path) -> str:
    """A run whose rows were all pending when it was closed."""
    pay("run", pay_list, "--product", 6418, *STOPPED, code=75)
    return str(pay("close", "list/pay", "--reason", "withdrawn, ticket 4711").stdout)


def test_a_closed_run_is_neither_started_nor_retried_and_names_the_way_on(
    pay: Any, pay_list: Path, closed: str, books: Any
) -> None:
    assert "Run list/pay is closed. 3 rows not sent." in closed
    day = SystemClock().now().date()
    for words in (("run", pay_list, "--product", 6418), ("retry", "list/pay"), ("retry", "list/pay", "--all-failed")):
        errors = pay(*words, code=3).stderr
        assert f"Run list/pay is closed. Closed on {day}: withdrawn, ticket 4711. Nothing was sent" in errors
        assert "run that list with another --run-key" in errors
    assert "is closed. Closed on" in pay("plan", pay_list, "--product", 6418, code=3).stderr
    assert books()["transactions"] == []
    pay("resume", "list/pay", code=1)
    assert books()["transactions"] == []
    pay("run", pay_list, "--product", 6418, "--run-key", "again")
    assert len(books()["transactions"]) == 3


@pytest.mark.usefixtures("closed")
def test_everything_that_shows_a_closed_run_says_so(pay: Any, results: Any, tmp_path: Path) -> None:
    day = SystemClock().now().date()
    pay("resume", "list/pay", code=1)
    for row in results("list-pay"):
        assert row["result_state"] == "refused"
        assert f"Closed on {day}: withdrawn, ticket 4711." in row["result_reason"]
    not_completed = (tmp_path / "reports/list-pay/list-pay-not-completed.csv").read_text(encoding="utf-8-sig")
    assert "Its run is closed. To pay it, put it into a list of its own" in not_completed
    assert "--corrections" not in not_completed
    status = " ".join(str(pay("status", "list/pay").stdout).split())
    assert "Closed, 0 of 3 rows completed, 3 refused." in status
    assert "ticket 4711" in status
    assert "--corrections" not in status
    assert "bulk-topup retry" not in status
    for words in (("status", "--json"), ("status", "list/pay", "--json")):
        found = json.loads(pay(*words).stdout)
        run = found[0] if isinstance(found, list) else found
        assert run["closed"]["reason"] == "withdrawn, ticket 4711"
        assert run["closed"]["by"]
    assert json.loads((tmp_path / "reports/list-pay/summary.json").read_text())["closed"]["at"].startswith(str(day))
    assert "3 refused; closed" in " ".join(str(pay("status").stdout).split())
    pay("report", "list/pay", "--format", "html", "--format", "xlsx")
    assert "ticket 4711" in (tmp_path / "reports/list-pay/results.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("closed")
def test_a_run_is_closed_once_with_a_reason_and_never_while_it_is_running(
    pay: Any, pay_list: Path, tmp_path: Path
) -> None:
    assert "is closed already" in pay("close", "list/pay", "--reason", "again", code=3).stderr
    pay("run", pay_list, "--product", 6418, "--run-key", "other", *STOPPED, code=75)
    assert "Missing option '--reason'" in pay("close", "list/other", code=2).stderr
    assert "The reason is empty" in pay("close", "list/other", "--reason", "  ", code=2).stderr
    with run_lock(tmp_path / "ledger.db", "list", "other"):
        pay("close", "list/other", "--reason", "withdrawn", code=5)
    found = json.loads(pay("close", "list/other", "--reason", "withdrawn", "--json").stdout)
    assert (found["refused"], found["open"], found["closed"]["reason"]) == (3, 0, "withdrawn")


def test_a_payment_in_flight_when_its_run_is_closed_is_followed_to_its_end(
    pay: Any, pay_list: Path, tmp_path: Path, books: Any
) -> None:
    """The process was killed between the request and the response of the first row."""
    pay("run", pay_list, "--product", 6418, *STOPPED, code=75)
    ledger = tmp_path / "ledger.db"
    before = ledger.read_bytes()
    pay("run", pay_list, "--product", 6418)
    ledger.with_name("ledger.db-wal").unlink(missing_ok=True)
    ledger.with_name("ledger.db-shm").unlink(missing_ok=True)
    ledger.write_bytes(before)
    with LedgerStore(ledger) as opened:
        opened.attempts.claim(opened.runs.named("list/pay"), 1)
    closed = pay("close", "list/pay", "--reason", "withdrawn").stdout
    assert "2 rows not sent." in closed
    assert (
        "1 row without outcome; do not pay by other means. Follow: `bulk-topup resume list/pay --env sandbox --base"
        in closed
    )
    counts = json.loads(pay("resume", "list/pay", "--timeout", "0.1", "--json", code=1).stdout)["counts"]
    assert (counts["completed"], counts["refused"]) == (1, 2)
    assert len(books()["transactions"]) == 3


@pytest.mark.usefixtures("closed")
def test_scripts_are_refused_a_closed_run(
    sandbox: Any, pay_list: Path, tmp_path: Path, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DVS_API_KEY", "DVS_API_SECRET"):
        monkeypatch.setenv(name, environment[name])
    places: dict[str, Any] = {"base_url": sandbox.base_url, "ledger": tmp_path / "ledger.db"}
    for function in (run_job, plan_list):
        with pytest.raises(ClosedRunError, match=r"is closed\. Closed on"):
            function(pay_list, **places)
    [run] = Ledger(tmp_path / "ledger.db").runs()
    assert run.closing is not None
    assert run.closing.reason == "withdrawn, ticket 4711"


@pytest.mark.usefixtures("closed")
def test_a_purge_removes_the_reason_and_keeps_the_run_closed(pay: Any, pay_list: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("UPDATE events SET at = '2020-01-01T00:00:00+00:00'")
        connection.commit()
    pay("ledger", "purge", "list/pay", "--older-than", "1d", "--yes")
    assert b"ticket 4711" not in (tmp_path / "ledger.db").read_bytes()
    assert json.loads(pay("status", "--json").stdout)[0]["closed"]["reason"] == ""
    pay("run", pay_list, "--product", 6418, code=3)
