"""Lists that are paid in parts, lists that changed since their run, and lists of other payouts under the old name."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Pay = Callable[..., Any]

PAYING = ("--product", 6418, "--run-key", "parts")
HEADER = "phone,amount\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a list that pays these numbers, each by its last two digits."""

    def create(name: str, *numbers: int, amount: int = 5) -> Path:
        file = tmp_path / name
        file.write_text(HEADER + "".join(f"+65951234{number:02},{amount}\n" for number in numbers))
        return file

    return create


@pytest.fixture
def paid(books: Pay) -> Callable[[], list[int]]:
    """Return a function that returns the numbers that the provider paid, by their last two digits."""

    def numbers() -> list[int]:
        parties = [str(entry["credit_party"]) for entry in books()["transactions"]]
        return sorted(int(number[-2:]) for number in parties)

    return numbers


def differences(pay: Pay, code: int = 0) -> list[str]:
    found = json.loads(pay("reconcile", "list/parts", "--json", code=code).stdout)
    return [each["kind"] for each in found["differences"]]


def test_a_list_in_three_parts_is_paid_in_one_run(
    pay: Pay, write: Pay, paid: Pay, results: Pay, agree: Pay, books: Pay
) -> None:
    first, second, third = write("1.csv", 1, 2), write("2.csv", 3, 4), write("3.csv", 5, 6)
    pay("run", first, *PAYING)
    refused = pay("run", second, *PAYING, code=3)
    assert "2 of 2 rows of" in refused.stderr
    assert paid() == [1, 2]
    assert "2 rows of other lists of the run, which stay as they are." in pay("plan", second, *PAYING, "--add").stdout
    [command] = re.findall("To pay the new rows in this run:\n  bulk-topup (run .* --add)", refused.stdout)
    pay(*shlex.split(command))
    pay("run", third, *PAYING, "--add")
    # Any of them again, with --add or without, and the run itself.
    for list_ in (first, second, third):
        pay("run", list_, *PAYING)
        pay("run", list_, *PAYING, "--add")
    pay("resume", "list/parts")
    assert paid() == [1, 2, 3, 4, 5, 6]
    rows = results("list-parts")
    assert [(row["result_line"], row["result_note"]) for row in rows] == [
        (line, "") for line in ("2", "3", "20000002", "20000003", "30000002", "30000003")
    ]
    agree(rows, books())
    assert differences(pay) == []
    # A part that was edited lacks its own rows, and none of the others'.
    write("2.csv", 3)
    assert differences(pay, code=1) == ["list_gone"]
    pay("run", second, *PAYING, code=1)
    notes = [row["result_note"] for row in results("list-parts") if row["result_note"]]
    assert notes == ["No longer in the list; what was sent stands, and nothing more is sent."]


def test_a_part_is_added_once_the_rows_before_it_are_sent(pay: Pay, write: Pay, paid: Pay, results: Pay) -> None:
    first, second = write("1.csv", 1, 2), write("2.csv", 3, 4)
    pay("run", first, *PAYING, "--deadline", "2020-01-01T00:00Z", code=75)
    assert paid() == []
    for more in ((), ("--add",)):
        refused = pay("run", second, *PAYING, *more, code=3)
        assert "another list" in refused.stderr
        assert "bulk-topup resume list/parts" in refused.stderr
    # Rows that are added to an interrupted list go with its own.
    pay("run", write("1.csv", 2, 5), *PAYING, "--add")
    assert paid() == [1, 2, 5]
    pay("run", second, *PAYING, "--add", "--deadline", "2020-01-01T00:00Z", code=75)
    # A start with another part sends what is pending in the run.
    pay("run", write("1.csv", 2, 5), *PAYING)
    assert paid() == [1, 2, 3, 4, 5]
    assert {row["result_state"] for row in results("list-parts")} == {"completed"}
    assert {row["result_note"] for row in results("list-parts")} == {""}
    assert differences(pay) == []


def test_a_row_of_a_part_that_another_part_has_is_refused(pay: Pay, write: Pay, paid: Pay, results: Pay) -> None:
    pay("run", write("1.csv", 1, 2, 3), *PAYING, "--allow-duplicates")
    second = write("2.csv", 3, 4, 5)
    refused = pay("run", second, *PAYING, "--allow-duplicates", "--add", code=3)
    assert "line 4 of 1.csv, a list of this run, may pay the same" in " ".join(refused.stdout.split())
    pay("run", second, *PAYING, "--allow-duplicates", "--add", "--skip-refused", code=1)
    pay("run", second, *PAYING, "--allow-duplicates", "--skip-refused", code=1)
    pay("run", write("1.csv", 1, 2, 3), *PAYING, "--allow-duplicates", code=1)
    assert paid() == [1, 2, 3, 4, 5]
    states = [(row["result_line"], row["result_state"]) for row in results("list-parts")]
    assert states[3:] == [("20000002", "refused"), ("20000003", "completed"), ("20000004", "completed")]
    # Another amount is another payment, where duplicates are allowed.
    pay("run", write("3.csv", 1, 2, amount=7), *PAYING, "--allow-duplicates", "--add", code=1)
    pay("run", write("3.csv", 1, 2, amount=7), *PAYING, "--allow-duplicates", code=1)
    assert paid() == [1, 1, 2, 2, 3, 4, 5]
    assert {row["result_note"] for row in results("list-parts")} == {""}


def test_add_needs_a_run_and_its_columns_and_a_person(pay: Pay, write: Pay, tmp_path: Path) -> None:
    first = write("1.csv", 1)
    assert "no run list/parts to add the list to" in pay("run", first, *PAYING, "--add", code=3).stderr
    assert "no schedule can make it" in pay("run", first, *PAYING, "--add", "--scheduled", code=2).stderr
    pay("run", first, *PAYING)
    other = tmp_path / "other.csv"
    other.write_text("amount,phone\n5,+6595123402\n")
    assert "has other columns than run list/parts" in pay("run", other, *PAYING, "--add", code=3).stderr


def test_the_lists_of_a_run_may_write_the_names_of_their_columns_otherwise(
    pay: Pay, write: Pay, paid: Pay, results: Pay, tmp_path: Path
) -> None:
    first, second = write("1.csv", 1, 2), tmp_path / "2.csv"
    pay("run", first, *PAYING)
    second.write_text("Phone, AMOUNT\n+6595123403,5\n+6595123404,5\n")
    pay("run", second, *PAYING, "--add")
    for list_ in (second, first, second):
        pay("run", list_, *PAYING)
    assert paid() == [1, 2, 3, 4]
    assert [(row["phone"].lstrip("'")[-2:], row["amount"]) for row in results("list-parts")] == [
        (number, "5") for number in ("01", "02", "03", "04")
    ]
    assert differences(pay) == []


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a job that pays a list."""

    def create(list_: str, *more: str) -> Path:
        file = tmp_path / "weekly.toml"
        file.write_text("\n".join([f'list = "{list_}"', 'run_key = "{today:%Y-%m}"', "product = 6418", *more]))
        return file

    return create


def test_a_job_adds_new_rows_within_its_period_and_says_what_was_paid_before(
    pay: Pay, write: Pay, paid: Pay, job: Pay
) -> None:
    write("weekly.csv", 1, 2)
    file = job("weekly.csv")
    pay("run", file)
    pay("run", file)
    write("weekly.csv", 1, 2, 3)
    shown = pay("run", file).stdout
    assert "2 rows of the run sent before, 20" in shown
    assert paid() == [1, 2, 3]
    # The month of the run is over.
    pay("run", file, "--today", "2020-01-31", "--pay-again", "January was not paid")
    write("weekly.csv", 1, 2, 3, 4)
    assert "add --add" in pay("run", file, "--today", "2020-01-31", code=3).stderr
    assert paid() == [1, 1, 2, 2, 3, 3]


def test_a_list_that_must_change_is_refused_under_a_new_key(pay: Pay, write: Pay, paid: Pay, job: Pay) -> None:
    write("weekly.csv", 1, 2)
    pay("run", job("weekly.csv"), "--today", "2020-01-31")
    again = ("--today", "2020-02-29", "--pay-again", "each month")
    assert "The same list as run weekly/2020-01, sent 20" in pay("plan", job("weekly.csv"), *again).stdout
    strict = job("weekly.csv", "list_must_change = true")
    for command in ("plan", "run"):
        refused = pay(command, strict, *again, code=3)
        assert "has not changed since run weekly/2020-01" in refused.stdout
    assert "list_must_change" in refused.stderr
    pay("run", strict, "--today", "2020-01-31")  # the run that has it
    assert paid() == [1, 2]
    # A run of the job that paid something else in the meantime, and one that sent nothing.
    write("weekly.csv", 7)
    pay("run", strict, "--today", "2020-01-31", "--run-key", "forgotten")
    write("weekly.csv", 8)
    pay("run", strict, "--run-key", "nothing", "--deadline", "2020-01-01T00:00Z", code=75)
    pay("close", "weekly/nothing", "--reason", "a mistake")
    write("weekly.csv", 1, 2)
    assert "has not changed since run weekly/2020-01" in pay("run", strict, *again, code=3).stdout
    assert paid() == [1, 2, 7]
    write("weekly.csv", 1, 2, 3)
    changed = pay("run", strict, *again)
    assert "The same list" not in changed.stdout
    assert paid() == [1, 1, 2, 2, 3, 7]
