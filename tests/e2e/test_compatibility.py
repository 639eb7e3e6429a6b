"""What scripts and people have from the first version keeps working: JSON, ledgers, job files.

`recorded/` has the JSON output of commands, a ledger as SQL and the sandbox's books, all written by that version.
"""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).with_name("recorded")
COMMANDS: list[dict[str, Any]] = json.loads((RECORDED / "commands.json").read_text(encoding="utf-8"))
#: The keys that were renamed, once.
RENAMED = {
    "begun": "created_at",
    "gone": "removed_from_list",
    "repeated": "velocity_refused",
    "still_to_be_paid": "remaining_cost",
    "in_order": "valid",
    "cure": "fix",
}
#: Keys that were added, with all that is below them.
ADDED = {
    "needs_review",
    "credit_limit",
    "closed",
    "left_open",
    "paid_again",
    "earlier_runs",
    "earlier_payments",
    "paid_elsewhere",
    "benefits",
    "corrected",
    "uncorrected",
    "resent",
    "numbers",
    "column_use",
    "amount_notes",
    "kept",
    "kept_waiting",
    "list_problem",
    "same_list",
    "sent_before",
    "in_conflict",
    "planned",
    "price_changes",
    "rounding",
    "unknown_charges",
    "nothing_due",
    "environment",
    "account",
    "unreadable",
    "unreadable_entries",
    "prices_at",
    "other_programs",
    "hidden_rows",
    "problem_groups",
    "instead",
    "not_completed_workbook",
    "hidden_columns",
    "duplicates_left_out",
    "in_progress",
    "outside_rows",
    "failures",
}
#: Totals of states that charge nothing, whose prices are 0 now.
UNCHARGED = {"failed", "reversed"}
PRICE_OF_NOTHING = {"price": "0", "fee": "0", "price_unit": None}
#: Amounts that were numbers and are texts now, as all others.
TEXTS_NOW = {"available", "remaining_cost", "after"}
#: Keys of products and balances as DVS has them, whose amounts were numbers and are texts now.
DVS_BODIES = {"prices", "holding"}
#: Sentences for people, and what differs from machine to machine and from time to time.
UNCOMPARED = {"message", "reason", "uncompared", "explanation", "amounts", "public_key", "from", "to"}
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|\+00:00)")

LISTS = {
    "pay.csv": "reference,phone,amount,currency\nR-1,+6595123400,5,SGD\nR-2,+6595123401,12.5,SGD\n"
    "R-3,+6595123102,7,SGD\nR-4,+6595123403,5000,SGD\nR-5,+6595123104,6,SGD\n",
    "changed.csv": "reference,phone,amount,currency\nR-1,+6595123400,6,SGD\n"
    "R-3,+6595123102,8,SGD\nR-6,+6595123406,9,SGD\n",
    "job.toml": 'name = "bonus"\nrun_key = "may"\nlist = "bonus.csv"\nproduct = 6418\nreports = ["csv"]\n'
    "[caps]\nrows = 10\ncosts = { USD = 100 }\n[expect]\nrows = 2\n",
    "bonus.csv": "reference,phone,amount\nB-1,+6595123410,5\nB-2,+6595123411,6\n",
    "wrong.toml": 'name = "wrong"\nlist = "missing.csv"\nprodukt = 6418\n',
}

#: Keys of a plan's products that count rows above the velocity limit no more.
TOTALS = {"rows", "amount", "expected_cost"}


def _values(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield every value with the path of its keys, those of the first version by their names of today."""
    if isinstance(value, dict) and value:
        if value.get("state") in UNCHARGED and "price_unit" in value:
            value = {**value, **PRICE_OF_NOTHING}
        for key, below in value.items():
            yield from _values(below, (*path, str(RENAMED.get(key, key))))
    elif isinstance(value, list) and value:
        for index, below in enumerate(value):
            yield from _values(below, (*path, str(index)))
    else:
        yield path, value


def _comparable(value: Any, folder: Path) -> dict[tuple[str, ...], object]:
    """Return the values that have to stay, by path."""
    found = {}
    values = list(_values(value))
    is_of_dvs = isinstance(value, list) and any(name in value[0] for name in DVS_BODIES if value)
    has_refused = any(path == ("velocity_refused",) and count for path, count in values)
    for path, each in values:
        key = path[-1] if path else ""
        if key in UNCOMPARED or not ADDED.isdisjoint(path):
            continue
        if path[:1] == ("refused_rows",) and key == "kind":
            continue  # added, unlike the kinds of others
        if has_refused and path[0] == "products" and key in TOTALS:
            continue
        if isinstance(each, int | float) and not isinstance(each, bool) and (key in TEXTS_NOW or is_of_dvs):
            each = f"{each:g}"
        elif isinstance(each, str):
            each = TIME.sub("TIME", each.replace(str(folder), "FOLDER"))
        found[path] = each
    return found


def test_json_output_differs_from_the_first_version_by_the_renamed_keys_alone(
    invoke: Callable[..., Any], tmp_path: Path
) -> None:
    for name, text in LISTS.items():
        (tmp_path / name).write_text(text)
    for recorded in COMMANDS:
        arguments = recorded["arguments"]
        ledger = () if arguments[0] in {"template", "job", "approval-key"} else ("--ledger", "ledger.db")
        # A list that was paid needs a reason since; its rows are refused before the velocity limit counts them.
        again = ("--pay-again", "on purpose") if "again" in arguments else ()
        output = invoke(*arguments, *again, *ledger, code=recorded["exit_code"]).stdout
        found = json.loads(output)
        if arguments[0] == "doctor":
            found["checks"] = [check for check in found["checks"] if check["check"] not in ADDED]
        assert _comparable(found, tmp_path) == _comparable(recorded["json"], tmp_path), arguments


@pytest.fixture
def first_ledger(tmp_path: Path) -> Path:
    """A ledger of the first version, with a run that has two pending rows, beside the sandbox's books."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((RECORDED / "ledger.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA application_id = 1651799408")
        connection.execute("PRAGMA journal_mode = WAL")
    path.chmod(0o600)
    shutil.copy(RECORDED / "sandbox-books.jsonl", tmp_path / "ledger.db.sandbox-books.jsonl")
    return path


@pytest.mark.usefixtures("first_ledger")
def test_a_ledger_of_the_first_version_is_read_resumed_and_never_pays_twice(
    invoke: Callable[..., Any], tmp_path: Path
) -> None:
    for name, text in LISTS.items():
        (tmp_path / name).write_text(text)
    status = {
        run["run"]: run["counts"] for run in json.loads(invoke("status", "--json", "--ledger", "ledger.db").stdout)
    }
    assert {run: {state: count for state, count in counts.items() if count} for run, counts in status.items()} == {
        "list/pay": {"refused": 1, "completed": 2, "failed": 2},
        "bonus/may": {"completed": 2},
        "list/open": {"pending": 2},
    }
    resumed = json.loads(invoke("resume", "list/open", "--json", "--ledger", "ledger.db").stdout)
    assert resumed["counts"]["completed"] == 2
    again = json.loads(invoke("run", "job.toml", "--json", "--ledger", "ledger.db").stdout)
    assert again["counts"]["completed"] == 2
    books = (tmp_path / "ledger.db.sandbox-books.jsonl").read_text().splitlines()
    created = [event["request"]["external_id"] for event in map(json.loads, books) if event["event"] == "created"]
    assert len(created) == len(set(created)) == 10
