"""Guards on the command line: what exceeds a cap, a control total or a velocity limit is not paid."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bulk_topup.cli.commands.plan import plan_command

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]

LIST = "reference,phone,amount\nA,+6595123400,10\nB,+6595123401,20\nC,+6595123402,30\n"


@pytest.fixture
def command(invoke: Pay) -> Pay:
    return invoke


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    file = tmp_path / "pay.csv"
    file.write_text(LIST)
    return file


def test_a_run_beyond_its_guards_names_them_all_sends_nothing_and_exits_3(pay: Pay, books: Books, list_: Path) -> None:
    options = ["--max-rows", 2, "--max-amount", "SGD=59.99", "--max-cost", "USD=1"]
    options += ["--expect-rows", 4, "--expect-total", "SGD=61"]
    result = pay("run", list_, "--product", 6418, *options, code=3)
    for message in (
        "3 rows, 1 above its cap of 2.",
        "60.00 SGD, 0.01 SGD above its cap of 59.99 SGD.",
        "USD above its cap of 1.00 USD.",
        "3 rows, 1 fewer than the declared 4.",
        "60.00 SGD, 1.00 SGD less than the declared 61.00 SGD.",
    ):
        assert message in result.stderr
    planned = json.loads(pay("plan", list_, "--product", 6418, *options, "--json", code=3).stdout)
    assert [(check["guard"], check["is_kept"]) for check in planned["guards"]] == [
        ("expect.rows", False),
        ("expect.totals", False),
        ("caps.rows", False),
        ("caps.amounts", False),
        ("caps.costs", False),
    ]
    assert books()["transactions"] == []


def test_a_row_beyond_its_cap_is_refused_and_the_others_may_be_paid(pay: Pay, books: Books, list_: Path) -> None:
    options = ["--product", 6418, "--max-row-amount", "SGD=29"]
    assert "1 of 3 rows refused." in pay("run", list_, *options, code=3).stderr
    assert books()["transactions"] == []
    pay("run", list_, *options, "--skip-refused", code=1)
    assert len(books()["transactions"]) == 2


def test_a_run_within_its_guards_pays_every_row(pay: Pay, books: Books, list_: Path) -> None:
    guards = ["--max-rows", 3, "--max-amount", "SGD=60", "--max-cost", "USD=100", "--expect-total", "SGD=60.00"]
    pay("run", list_, "--product", 6418, *guards, "--expect-rows", 3, "--no-repeat-within", 20)
    assert len(books()["transactions"]) == 3


def test_rows_added_to_a_paid_list_count_towards_its_cap(pay: Pay, books: Books, list_: Path) -> None:
    pay("run", list_, "--product", 6418, "--max-amount", "SGD=60")
    list_.write_text(f"{LIST}D,+6595123403,1\n")
    result = pay("run", list_, "--product", 6418, "--max-amount", "SGD=60", "--add", code=3)
    assert "61.00 SGD, 1.00 SGD above its cap of 60.00 SGD." in result.stderr
    assert len(books()["transactions"]) == 3


def test_rows_removed_from_a_paid_list_still_count_towards_its_cap(pay: Pay, books: Books, list_: Path) -> None:
    pay("run", list_, "--product", 6418)
    list_.write_text("reference,phone,amount\nD,+6595123403,1\n")
    result = pay("run", list_, "--product", 6418, "--max-rows", 3, "--add", code=3)
    assert "4 rows, 1 above its cap of 3." in result.stderr
    assert len(books()["transactions"]) == 3


def test_a_finished_run_is_not_stopped_by_a_lower_cap(pay: Pay, list_: Path) -> None:
    pay("run", list_, "--product", 6418)
    pay("run", list_, "--product", 6418, "--max-cost", "USD=1")


def test_a_retry_beyond_the_caps_of_its_run_sends_nothing(pay: Pay, books: Books, tmp_path: Path) -> None:
    list_ = tmp_path / "pay.csv"
    list_.write_text("reference,phone,amount\nA,+6595123400,10\nB,+6595123108,20\n")
    pay("run", list_, "--product", 6418, "--max-rows", 2, code=1)
    list_.write_text("reference,phone,amount\nA,+6595123400,10\nC,+6595123402,5\nB,+6595123108,20\n")
    pay("run", list_, "--product", 6418, "--max-rows", 2, "--add", code=1)  # the failed row does not count
    before = len(books()["transactions"])
    result = pay("retry", "list/pay", code=3)
    assert "3 rows, 1 above its cap of 2." in result.stderr
    assert len(books()["transactions"]) == before


def test_a_payment_beyond_the_velocity_limit_is_refused_with_the_earlier_payment(
    pay: Pay, books: Books, list_: Path, tmp_path: Path
) -> None:
    pay("run", list_, "--product", 6418)
    again = tmp_path / "again.csv"
    again.write_text("phone,amount\n+6595123401,7\n+6595123409,7\n")
    result = pay("run", again, "--product", 6418, "--no-repeat-within", 20, code=3)
    assert "1 of 2 rows refused." in result.stderr
    found = json.loads(pay("plan", again, "--product", 6418, "--no-repeat-within", 20, "--json", code=3).stdout)
    assert found["velocity_refused"] == 1
    [refused] = found["refused_rows"]
    assert refused["line"] == 2
    assert "+6595123401 was already sent 20.00 SGD on" in refused["problems"][0]["message"]
    assert "by run list/pay, line 3." in refused["problems"][0]["message"]
    assert len(books()["transactions"]) == 3
    pay("run", again, "--product", 6418, "--no-repeat-within", 20, "--skip-refused", code=1)
    assert len(books()["transactions"]) == 4
    rest = tmp_path / "reports" / "list-again" / "list-again-not-completed.csv"
    assert "Do not pay by other means" in rest.read_text(encoding="utf-8-sig")


def test_the_command_line_overrides_the_guards_of_a_job_file(
    pay: Pay, books: Books, list_: Path, tmp_path: Path
) -> None:
    job = tmp_path / "payroll.toml"
    job.write_text(
        f'list = "{list_}"\nproduct = 6418\n[caps]\nrows = 2\namounts = {{ SGD = 60.5 }}\n'
        "[expect]\nrows = 3\n[velocity]\ndays = 20\npayments = 1\n"
    )
    pay("run", job, code=3)
    assert books()["transactions"] == []
    pay("run", job, "--max-rows", 3)
    assert len(books()["transactions"]) == 3


@pytest.mark.parametrize("amount", ["SGD", "sgd=5", "SGD=5,0", "SGD=-1", "SGD=1e3"])
def test_an_invalid_amount_is_a_usage_error(amount: str) -> None:
    result = CliRunner().invoke(plan_command, ["pay.csv", "--max-amount", amount])
    assert result.exit_code == 2
    assert "write it like USD=1000" in result.stderr
