"""The log says why a run waits or warns, each time that this changes, and without amounts."""

import json
from pathlib import Path
from typing import Any

from bulk_topup.app.progress_log import ProgressLog
from bulk_topup.monitoring.json_log import JSONLog
from bulk_topup.monitoring.log_writer import open_log
from tests.cli.screens.test_style import snapshot

DRIFT = "2 rows cost more than 1 % more or less than planned. The first: DVS charges 3.71 USD; the plan has 3.50 USD."
LOW = "The USD wallet has about 12.30 USD left, and the rows that are not sent cost about 1,055.65 USD."
PAUSE = "Throttled by DVS (HTTP 429); sending resumes in {} s, as DVS asks to (Retry-After)."


def _logged(tmp_path: Path, *snapshots: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the events that snapshots of a run lead to, each with its message, without those of its figures."""
    log = JSONLog(open_log(tmp_path / "run.jsonl"), "payroll")
    progress_log = ProgressLog(log)
    for sentences in snapshots:
        progress_log.write(snapshot(completed=3, **sentences))
    log.close()
    events = map(json.loads, (tmp_path / "run.jsonl").read_text().splitlines())
    return [(each["event"], each.get("message")) for each in events if each["event"] != "progress"]


def test_a_price_that_differs_from_the_plan_is_logged_once_and_without_amounts(tmp_path: Path) -> None:
    events = _logged(tmp_path, {}, {"warning": DRIFT}, {"warning": DRIFT.replace("2 rows", "9 rows")}, {})
    assert events == [("price drift", DRIFT.replace("3.71", "…").replace("3.50", "…"))]


def test_a_wallet_that_runs_low_is_logged_each_time_that_it_does(tmp_path: Path) -> None:
    events = _logged(
        tmp_path, {"low_balance": LOW}, {"low_balance": LOW.replace("12.30", "8.10")}, {}, {"low_balance": LOW}
    )
    masked = LOW.replace("12.30", "…").replace("1,055.65", "…")
    assert events == [("low balance", masked)] * 2


def test_a_pause_is_logged_with_its_reason_when_it_starts_and_ends(tmp_path: Path) -> None:
    other = "Paused for 5 s after 3 requests without a response: no route"
    snapshots: tuple[dict[str, Any], ...] = (
        {"message": PAUSE.format(12)},
        {"message": PAUSE.format(2)},
        {"message": other},
        {},
        {},
    )
    events = _logged(tmp_path, *snapshots)
    assert events == [("held up", PAUSE.format(12)), ("held up", other), ("goes on", "")]
