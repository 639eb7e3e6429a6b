"""A list that other runs have paid is not paid again in silence, whatever it is called."""

import json
import re
import shlex
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup import Credentials, plan_list, run_job
from bulk_topup.errors import AlreadyPaidError, RowsRefusedError

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]
HEADER = "phone,amount\n"
NUMBERS = [f"+65951234{number:02}" for number in range(10)]
PRODUCT = ("--product", 6418)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a list of numbers that get 5 SGD each."""

    def save(name: str, *numbers: str, amount: str = "5") -> Path:
        path = tmp_path / name
        path.write_text(HEADER + "".join(f"{number},{amount}\n" for number in numbers))
        return path

    return save


@pytest.fixture
def paid(books: Books) -> Callable[[], Counter[str]]:
    """Return a function that counts the payments to each number in the provider's books."""
    return lambda: Counter(each["credit_party"] for each in books()["transactions"])


def test_a_list_under_another_name_is_not_paid_again(pay: Pay, paid: Any, write: Any) -> None:
    pay("run", write("rewards.csv", *NUMBERS[:4]), *PRODUCT)
    again = pay("run", write("rewards (1).csv", *NUMBERS[:4]), *PRODUCT, code=3)
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)
    assert "4 of 4 rows repeat payments of list/rewards (4 rows, sent 20" in again.stderr
    assert "add --pay-again REASON" in again.stderr
    [command] = re.findall("If these are other payments: bulk-topup (run .*) REASON", _shown(again))
    assert shlex.split(command)[1].endswith("rewards (1).csv")
    shown = " ".join(again.stdout.split())
    assert "4 rows, such as line 2: Possible duplicate: run list/rewards, line 2, sent 5.00 SGD" in shown
    assert f"(product 6418) for {NUMBERS[0]} on 20" in shown
    plan = json.loads(pay("plan", "rewards (1).csv", *PRODUCT, "--json", code=3).stdout)
    for number, row in zip(NUMBERS[:4], plan["refused_rows"], strict=True):
        assert f"sent 5.00 SGD (product 6418) for {number} on 20" in row["problems"][0]["message"]


def test_skipping_refused_rows_does_not_send_the_rest_of_a_list_that_was_paid(pay: Pay, paid: Any, write: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:4]), *PRODUCT)
    pay("run", write("b.csv", *NUMBERS[2:6]), *PRODUCT, "--skip-refused", code=3)
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)


def test_a_list_that_another_run_paid_is_not_added_to_a_run(pay: Pay, paid: Any, write: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:4]), *PRODUCT)
    pay("run", write("b.csv", *NUMBERS[8:]), *PRODUCT)
    again = write("c.csv", *NUMBERS[2:6])
    added = (*PRODUCT, "--run-key", "b", "--add", "--skip-refused")
    assert "2 of 4 rows repeat payments of list/a" in pay("run", again, *added, code=3).stderr
    assert paid() == dict.fromkeys(NUMBERS[:4] + NUMBERS[8:], 1)
    for _ in range(2):
        pay("run", again, *added, "--pay-again", "second bonus")
    assert paid() == {**dict.fromkeys(NUMBERS[:6] + NUMBERS[8:], 1), **dict.fromkeys(NUMBERS[2:4], 2)}


def test_a_list_that_another_run_paid_is_not_paid_in_place_of_a_jobs_list(
    pay: Pay, paid: Any, write: Any, job: Any
) -> None:
    pay("run", write("a.csv", *NUMBERS[:4]), *PRODUCT)
    write("pay.csv", *NUMBERS[8:])
    pay("run", job("payroll"))
    write("pay.csv", *NUMBERS[2:6])  # in the period of the job's run, which has none of these
    refused = pay("run", job("payroll", "skip_refused = true\n"), code=3)
    assert "2 of 4 rows repeat payments of list/a" in refused.stderr
    assert paid() == dict.fromkeys(NUMBERS[:4] + NUMBERS[8:], 1)


def test_of_fewer_rows_those_are_refused_and_the_others_are_paid(pay: Pay, paid: Any, write: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:2]), *PRODUCT)
    pay("run", write("b.csv", *NUMBERS[1:8]), *PRODUCT, code=3)
    assert paid() == dict.fromkeys(NUMBERS[:2], 1)
    pay("run", write("b.csv", *NUMBERS[1:8]), *PRODUCT, "--skip-refused", code=1)
    assert paid() == dict.fromkeys(NUMBERS[:8], 1)
    pay("resume", "list/b", code=1)
    assert paid() == dict.fromkeys(NUMBERS[:8], 1)


def test_a_reason_pays_again_what_was_shown_and_nothing_else(pay: Pay, paid: Any, write: Any, tmp_path: Path) -> None:
    pay("run", write("a.csv", *NUMBERS[:4]), *PRODUCT)
    shown = pay("plan", write("b.csv", *NUMBERS[:4]), *PRODUCT, "--json", "--pay-again", "second bonus")
    assert json.loads(shown.stdout)["earlier_payments"]["paid_again"] == 4
    pay("run", tmp_path / "b.csv", *PRODUCT, "--pay-again", "second bonus")
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)
    pay("run", tmp_path / "b.csv", *PRODUCT)  # continues its run, which needs no reason any more
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)
    pay("run", write("c.csv", *NUMBERS[:4]), *PRODUCT, code=3)
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)


def test_one_reason_covers_the_payments_of_several_runs(pay: Pay, paid: Any, write: Any) -> None:
    for name in ("a", "b"):
        pay("run", write(f"{name}.csv", *NUMBERS[:3]), *PRODUCT, "--pay-again", "bonus")
    third = pay("run", write("c.csv", *NUMBERS[:3]), *PRODUCT, "--pay-again", "third bonus")
    assert "These rows repeat 3 more payments of other runs as well." in " ".join(third.stdout.split())
    assert paid() == dict.fromkeys(NUMBERS[:3], 3)


def test_a_reason_must_say_something_and_is_not_for_schedules(pay: Pay, write: Any) -> None:
    assert "The reason is empty" in pay("run", write("a.csv", NUMBERS[0]), *PRODUCT, "--pay-again", " ", code=2).stderr
    assert "Remove --scheduled" in pay("run", "a.csv", *PRODUCT, "--pay-again", "x", "--scheduled", code=2).stderr


def test_another_amount_is_another_payment(pay: Pay, paid: Any, write: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:3]), *PRODUCT)
    pay("run", write("b.csv", *NUMBERS[:3], amount="6"), *PRODUCT)
    assert paid() == dict.fromkeys(NUMBERS[:3], 2)


def test_one_earlier_payment_answers_for_one_row(pay: Pay, paid: Any, write: Any) -> None:
    family = [NUMBERS[0], NUMBERS[0], *NUMBERS[1:6]]
    pay("run", write("a.csv", NUMBERS[0], NUMBERS[9]), *PRODUCT)
    pay("run", write("b.csv", *family), *PRODUCT, "--allow-duplicates", "--skip-refused", code=1)
    assert paid() == {**dict.fromkeys([*NUMBERS[1:6], NUMBERS[9]], 1), NUMBERS[0]: 2}


def test_a_failed_payment_is_no_payment(pay: Pay, paid: Any, write: Any) -> None:
    declined = "+6595123102"
    pay("run", write("a.csv", declined), *PRODUCT, code=1)
    pay("run", write("b.csv", declined), *PRODUCT, code=1)
    assert paid() == {declined: 2}


def test_another_environment_knows_nothing_of_it(invoke: Any, paid: Any, write: Any, sandbox: Any) -> None:
    options = ("--base-url", sandbox.base_url, "--ledger", "ledger.db", *PRODUCT)
    invoke("run", write("a.csv", *NUMBERS[:3]), *options)
    invoke("run", write("b.csv", *NUMBERS[:3]), *options, "--env", "preprod")
    assert paid() == dict.fromkeys(NUMBERS[:3], 2)


def test_a_run_is_judged_again_when_its_rows_are_sent(pay: Pay, paid: Any, write: Any) -> None:
    """A run was interrupted before it sent anything; another one pays its people; then it is resumed."""
    write("a.csv", *NUMBERS[:3])
    pay("run", "a.csv", *PRODUCT, "--deadline", "2020-01-01T00:00Z", code=75)
    pay("run", write("b.csv", *NUMBERS[:3]), *PRODUCT)
    pay("resume", "list/a", code=1)
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)


JOB = 'name = "{name}"\nrun_key = "{{today:%Y-%m}}"\nlist = "pay.csv"\nproduct = 6418\nreports = ["csv"]\n{more}'


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a job file that pays the same list each month."""

    def save(name: str, more: str = "") -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(JOB.format(name=name, more=more))
        return path

    return save


def test_a_renamed_job_does_not_pay_its_list_again(pay: Pay, paid: Any, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:4])
    pay("run", job("bonus"))
    pay("run", job("bonus-2026"), code=3)
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)


def test_a_job_that_is_started_for_the_next_month_too_early_pays_nothing(
    pay: Pay, paid: Any, write: Any, job: Any
) -> None:
    write("pay.csv", *NUMBERS[:4])
    pay("run", job("bonus"), "--today", "2026-11-30")
    refused = pay("run", job("bonus"), "--today", "2026-12-01", code=3)
    assert "repeat payments of bonus/2026-11" in refused.stderr
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)


def test_jobs_that_pay_the_same_people_on_purpose_name_each_other(pay: Pay, paid: Any, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:4])
    pay("run", job("payroll"))
    pay("run", job("allowance"), code=3)
    pay("run", job("allowance", 'beside = ["payroll"]\n'))
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)


def test_a_job_file_cannot_say_that_rows_are_paid_again(pay: Pay, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:1])
    assert "pay_again" in pay("run", job("bonus", 'pay_again = "x"\n'), code=3).stderr


def test_python_has_the_same_rules(
    pay: Pay, paid: Any, write: Any, sandbox: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    pay("run", write("a.csv", *NUMBERS[:3]), *PRODUCT)
    key, secret = credentials
    ways: dict[str, Any] = {
        "base_url": sandbox.base_url,
        "ledger": tmp_path / "ledger.db",
        "credentials": Credentials(api_key=key, api_secret=secret),
    }
    (tmp_path / "b.toml").write_text('list = "a.csv"\nrun_key = "other"\nproduct = 6418\nreports = ["csv"]\n')
    plan = plan_list(tmp_path / "b.toml", **ways)
    assert (plan.paid_before, plan.is_same_list, plan.is_acceptable) == (3, True, False)
    with pytest.raises(AlreadyPaidError, match="3 of 3 rows repeat payments of list/a"):
        run_job(tmp_path / "b.toml", **ways)
    assert run_job(tmp_path / "b.toml", pay_again="second bonus", poll_interval=0.05, **ways).exit_code == 0
    assert paid() == dict.fromkeys(NUMBERS[:3], 2)
    assert not issubclass(AlreadyPaidError, RowsRefusedError)


def test_a_run_key_that_names_no_period_is_no_other_month(pay: Pay, paid: Any, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:4])
    pay("run", job("bonus"), "--run-key", "november bonus")
    pay("run", job("bonus"), code=3)
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)


def test_either_of_two_jobs_may_name_the_other(pay: Pay, paid: Any, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:4])
    pay("run", job("allowance", 'beside = ["payroll"]\n'))
    pay("run", job("payroll"))
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)


def test_a_late_month_is_paid_although_the_next_one_was(pay: Pay, paid: Any, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:4])
    pay("run", job("payroll"), "--today", "2026-11-28")
    pay("run", job("payroll"), "--today", "2026-10-28")
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)


def test_a_late_month_is_not_paid_again_by_a_renamed_job(pay: Pay, paid: Any, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:4])
    pay("run", job("payroll"), "--today", "2026-10-28")
    pay("run", job("salaries"), "--today", "2026-10-28", code=3)
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)


def test_a_run_keeps_how_it_is_compared(pay: Pay, paid: Any, write: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:3]), *PRODUCT)
    write("b.csv", *NUMBERS[:3])
    pay(
        "run",
        "b.csv",
        *PRODUCT,
        "--pay-again",
        "second bonus",
        "--period",
        "day",
        "--deadline",
        "2020-01-01T00:00Z",
        code=75,
    )
    pay("run", "b.csv", *PRODUCT)
    assert paid() == dict.fromkeys(NUMBERS[:3], 2)


def _age(tmp_path: Path, **by: float) -> None:
    """Move all payments of the ledger back in time."""
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        for id_, intent_at in connection.execute("SELECT id, intent_at FROM attempts").fetchall():
            earlier = (datetime.fromisoformat(intent_at) - timedelta(**by)).isoformat()
            values = {"id": id_, "at": earlier}
            connection.execute("UPDATE attempts SET intent_at = :at, creation_date = :at WHERE id = :id", values)


def test_a_list_that_was_paid_out_long_ago_is_not_taken_for_an_interrupted_one(
    pay: Pay, paid: Any, write: Any, tmp_path: Path
) -> None:
    write("pay.csv", *NUMBERS[:3])
    pay("run", "pay.csv", *PRODUCT)
    pay("run", "pay.csv", *PRODUCT)
    _age(tmp_path, hours=13)
    refused = pay("run", "pay.csv", *PRODUCT, "--quiet", code=3)
    assert "run list/pay sent its last row on 20" in refused.stderr
    assert "--run-key NAME and --pay-again REASON" in refused.stderr
    shown = _shown(pay("run", "pay.csv", *PRODUCT, code=3))
    assert "Paid already on 20" in shown
    [command] = re.findall("To pay the list again on purpose: bulk-topup (run .*) REASON", shown)
    pay(*shlex.split(command.replace("NAME", "second")), "second bonus")
    assert paid() == dict.fromkeys(NUMBERS[:3], 2)


def test_rows_that_were_added_or_corrected_later_are_no_paid_out_list(
    pay: Pay, paid: Any, write: Any, tmp_path: Path
) -> None:
    write("pay.csv", *NUMBERS[:3], "+6595123102")
    pay("run", "pay.csv", *PRODUCT, code=1)
    _age(tmp_path, hours=13)
    assert "1 row of it failed: `bulk-topup retry list/pay" in pay("run", "pay.csv", *PRODUCT, code=3).stderr
    write("pay.csv", *NUMBERS[:4], "+6595123102")
    assert "add --add" in pay("run", "pay.csv", *PRODUCT, "--quiet", code=3).stderr
    pay("run", "pay.csv", *PRODUCT, "--add", code=1)
    assert paid() == dict.fromkeys([*NUMBERS[:4], "+6595123102"], 1)


def test_a_job_that_was_paid_out_long_ago_is_done(pay: Pay, paid: Any, write: Any, job: Any, tmp_path: Path) -> None:
    write("pay.csv", *NUMBERS[:3])
    pay("run", job("bonus"))
    _age(tmp_path, days=3)
    pay("run", job("bonus"))
    assert paid() == dict.fromkeys(NUMBERS[:3], 1)


@pytest.fixture
def approve(pay: Pay, invoke: Pay, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that plans a job that needs an approval, and approves the plan; `b.toml` pays b.csv."""
    public = json.loads(invoke("approval-key", "new", "--output", "own.key", "--json").stdout)["public_key"]
    (tmp_path / "b.toml").write_text(
        'list = "b.csv"\nrun_key = "b"\nproduct = 6418\nreports = ["csv"]\n'
        f'[approval]\nrequired = true\nnot_by = "nobody"\nkeys = ["{public}"]\n'
    )

    def save(reason: str) -> Any:
        pay("plan", "b.toml", "--pay-again", reason, "--output", "plan.json")
        return invoke("approve", "plan.json", "--key", "own.key", "--yes", "--output", "ok.json")

    return save


AGAIN = ("--pay-again", "second bonus")


def test_an_approved_repetition_goes_on_after_an_interruption(pay: Pay, paid: Any, write: Any, approve: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:4]), *PRODUCT)
    write("b.csv", *NUMBERS[:4])
    approve("second bonus")
    pay("run", "b.toml", "--approved", "ok.json", *AGAIN, "--deadline", "2020-01-01T00:00Z", code=75)
    assert paid() == dict.fromkeys(NUMBERS[:4], 1)
    assert "4 rows repeat payments of run list/a" in " ".join(pay("plan", "b.toml").stdout.split())
    pay("run", "b.toml", "--approved", "ok.json")
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)
    pay("run", "b.toml", "--approved", "ok.json", *AGAIN)
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)


def test_an_approver_sees_what_is_paid_again_and_why(pay: Pay, paid: Any, write: Any, approve: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:2]), *PRODUCT)
    write("b.csv", *NUMBERS[:6])
    shown = " ".join(approve("second bonus").stdout.replace("│", " ").split())
    assert "rows paid again 2 paid again 2 rows of list/a: second bonus" in shown
    [statement] = [json.loads(Path("plan.json").read_text())["to_approve"]]
    assert statement["paid_again"] == [{"run": "list/a", "rows": 2, "reason": "second bonus"}]
    refused = pay("run", "b.toml", "--approved", "ok.json", "--pay-again", "a typo", code=3)
    assert "paid again is 2 rows of list/a: a typo; approved was 2 rows of list/a: second bonus" in refused.stderr
    pay("run", "b.toml", "--approved", "ok.json", code=3)
    assert paid() == dict.fromkeys(NUMBERS[:2], 1)
    pay("run", "b.toml", "--approved", "ok.json", *AGAIN)
    assert paid() == {**dict.fromkeys(NUMBERS[:2], 2), **dict.fromkeys(NUMBERS[2:6], 1)}


def test_the_plan_names_what_is_paid_again_and_why(pay: Pay, write: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:1]), *PRODUCT)
    plan = pay("plan", write("b.csv", *NUMBERS[:1]), *PRODUCT, *AGAIN)
    shown = " ".join(plan.stdout.replace("│", " ").split())
    assert "1 row repeats a payment of run list/a, sent 20" in shown
    assert "paid again: second bonus." in shown
    listed = json.loads(pay("plan", "b.csv", *PRODUCT, *AGAIN, "--json").stdout)["earlier_payments"]
    assert [(each["run"], each["rows"], each["reason"]) for each in listed["repeated"]] == [
        ("list/a", 1, "second bonus")
    ]


def test_the_reason_is_shown_with_the_run(pay: Pay, write: Any, tmp_path: Path) -> None:
    pay("run", write("a.csv", *NUMBERS[:2]), *PRODUCT)
    options = (*PRODUCT, *AGAIN, "--format", "html", "--format", "csv", "--json")
    ended = json.loads(pay("run", write("b.csv", *NUMBERS[:2]), *options).stdout)
    [again] = ended["paid_again"]
    assert (again["runs"], again["rows"], again["reason"]) == (["list/a"], 2, "second bonus")
    assert again["by"]
    assert json.loads(pay("status", "b", "--json").stdout)["paid_again"] == [again]
    assert [each["paid_again"] for each in json.loads(pay("status", "--json").stdout)] == [[again], []]
    phrase = "ows of list/a paid again (2), decided 20"
    assert phrase in " ".join(pay("status", "b").stdout.replace("│", " ").split())
    [page] = tmp_path.glob("reports/*-b/*.html")
    assert phrase in page.read_text()
    [summary] = tmp_path.glob("reports/*-b/summary.json")
    assert json.loads(summary.read_text())["paid_again"] == [again]
    pay("ledger", "purge", "--older-than", "0d", "--yes")
    assert json.loads(pay("status", "b", "--json").stdout)["paid_again"] == [{**again, "reason": ""}]


def _shown(result: Any) -> str:
    return " ".join(re.sub("[│┃|]", " ", result.stdout).split())


def test_payments_of_purged_runs_are_named_and_stop_nothing(
    pay: Pay, paid: Any, write: Any, sandbox: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    pay("run", write("a.csv", *NUMBERS[:4]), *PRODUCT)
    pay("ledger", "purge", "--older-than", "0d", "--yes")
    write("b.csv", *NUMBERS[:4])
    named = "Payments of purged runs until 20"
    assert named in _shown(pay("plan", "b.csv", *PRODUCT))
    until = json.loads(pay("plan", "b.csv", *PRODUCT, "--json").stdout)["earlier_payments"]["unknown_until"]
    key, secret = credentials
    plan = plan_list(
        tmp_path / "b.csv",
        base_url=sandbox.base_url,
        ledger=tmp_path / "ledger.db",
        credentials=Credentials(api_key=key, api_secret=secret),
        run_key="c",
    )
    assert plan.unknown_until == datetime.fromisoformat(until)
    assert named in _shown(pay("run", "b.csv", *PRODUCT))
    assert paid() == dict.fromkeys(NUMBERS[:4], 2)


@pytest.mark.parametrize("ends", ["run", "resume", "status"])
def test_rows_that_another_run_paid_get_a_command_that_pays_them_again(
    pay: Pay, invoke: Pay, paid: Any, write: Any, ends: str
) -> None:
    write("b.csv", *NUMBERS[1:6])
    pay("run", write("a.csv", *NUMBERS[:2]), *PRODUCT)
    ended = pay("run", "b.csv", *PRODUCT, "--skip-refused", code=1)
    if ends != "run":
        ended = pay("resume", "list/b", code=1) if ends == "resume" else invoke("status", "b", "--ledger", "ledger.db")
    shown = _shown(ended)
    assert "1 row repeats a payment of other runs. To pay it again on purpose: bulk-topup run b.csv" in shown
    assert "--corrections" not in shown
    [command] = re.findall("bulk-topup (run .* --pay-again) REASON", shown)
    pay(*shlex.split(command), "bonus")
    assert paid() == {NUMBERS[0]: 1, NUMBERS[1]: 2, **dict.fromkeys(NUMBERS[2:6], 1)}


def test_the_command_that_pays_again_reads_the_list_as_its_run_did(
    pay: Pay, invoke: Pay, books: Books, tmp_path: Path
) -> None:
    reading = ("--delimiter", "semicolon", "--encoding", "latin-1", "--default-country", "SG", "--decimal-mark", ",")
    meaning = ("--map", "amount=Höhe", "--constant", "product_id=6418", "--allow-duplicates")
    mode = ("--calculation-mode", "SOURCE_AMOUNT")
    rows = [f"{number.removeprefix('+65')};5,5\n" for number in NUMBERS[:5]]
    for name, some in (("a.csv", rows[:2]), ("b.csv", rows[1:] + rows[4:])):
        (tmp_path / name).write_text("phone;Höhe\n" + "".join(some), encoding="latin-1")
    pay("run", "a.csv", *reading, *meaning, *mode)
    pay("run", "b.csv", *reading, *meaning, *mode, "--skip-refused", code=1)
    shown = _shown(invoke("status", "b", "--ledger", "ledger.db"))
    [command] = re.findall("bulk-topup (run .* --pay-again) REASON", shown)
    pay(*shlex.split(command), "bonus")
    found = Counter((each["credit_party"], str(each["amount"]), each["unit"]) for each in books()["transactions"])
    assert found == {(number, "5.5", "USD"): 1 + (index in {1, 4}) for index, number in enumerate(NUMBERS[:5])}


def test_a_run_whose_rows_others_paid_first_names_the_command(pay: Pay, paid: Any, write: Any) -> None:
    write("a.csv", *NUMBERS[:3])
    pay("run", "a.csv", *PRODUCT, "--deadline", "2020-01-01T00:00Z", code=75)
    pay("run", write("b.csv", *NUMBERS[:3]), *PRODUCT)
    shown = _shown(pay("resume", "list/a", code=1))
    assert "3 rows repeat payments of other runs" in shown
    [command] = re.findall("bulk-topup (run .* --pay-again) REASON", shown)
    pay(*shlex.split(command), "bonus")
    assert paid() == dict.fromkeys(NUMBERS[:3], 2)


def test_a_job_is_paid_again_with_its_job_file(pay: Pay, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:1])
    pay("run", job("payroll"))
    write("pay.csv", *NUMBERS[:5])
    shown = _shown(pay("run", job("bonus", "skip_refused = true\n"), "--today", "2026-11-28", code=1))
    assert "bonus.toml" in shown
    assert "--pay-again REASON" in shown
    again = _shown(pay("resume", "bonus/2026-11", code=1))
    assert "To pay it again on purpose, with the job file of bonus and --pay-again REASON." in again


def test_a_scheduled_start_names_no_command_that_it_would_refuse(pay: Pay, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:1])
    pay("run", job("payroll"))
    write("pay.csv", *NUMBERS[:5])
    file = job("bonus", 'environment = "sandbox"\nskip_refused = true\n[schedule]\nat = "* * * * *"\n')
    shown = _shown(pay("run", file, "--scheduled", code=1))
    assert "To pay it again on purpose, with the job file of bonus and --pay-again REASON." in shown
    assert "--scheduled" not in shown


def test_refused_rows_that_others_paid_are_not_to_be_fixed(pay: Pay, write: Any) -> None:
    pay("run", write("a.csv", *NUMBERS[:1]), *PRODUCT)
    refused = pay("run", write("b.csv", *NUMBERS[:5]), *PRODUCT, code=3)
    assert "1 row repeats a payment of other runs. Remove it, or add --pay-again REASON" in refused.stderr
    assert "Fix" not in refused.stderr + refused.stdout
    [product] = json.loads(pay("plan", "b.csv", *PRODUCT, "--json", code=3).stdout)["products"]
    assert (product["rows"], product["amount"]) == (4, "20")


def test_only_an_open_run_is_offered_to_be_resumed(pay: Pay, write: Any) -> None:
    pay("run", write("a.csv", NUMBERS[0]), *PRODUCT)
    again = pay("run", write("b.csv", NUMBERS[0]), *PRODUCT, code=3)
    assert "1 of 1 row repeats a payment of list/a" in again.stderr
    assert "1 of 1 row repeats an earlier payment" in _shown(again)
    assert "Run list/a has nothing left to send or to follow." in again.stderr
    assert "resume" not in again.stderr


@pytest.mark.parametrize("time_scale", [0.5])  # the row is open for minutes
def test_an_open_run_that_paid_the_list_is_offered_to_be_resumed(pay: Pay, write: Any) -> None:
    pay("run", write("a.csv", "+6595123300"), *PRODUCT, "--tracking-timeout", 0, code=75)
    again = pay("run", write("b.csv", "+6595123300"), *PRODUCT, code=3)
    assert "To continue that run: `bulk-topup resume list/a --env sandbox --base-url http" in again.stderr


def test_a_scheduled_start_is_planned_as_it_will_run(pay: Pay, paid: Any, write: Any, job: Any) -> None:
    write("pay.csv", *NUMBERS[:2])
    file = job("bonus", 'environment = "sandbox"\nperiod = "year"\n[schedule]\nat = "* * * * *"\n')
    pay("run", file, "--today", f"{datetime.now(UTC) - timedelta(days=40):%Y-%m-%d}")
    assert "Paid already" in pay("plan", file, code=3).stdout
    assert "Ready" in pay("plan", file, "--scheduled").stdout
    assert "Remove --scheduled" in pay("plan", file, "--scheduled", *AGAIN, code=2).stderr
    pay("run", file, "--scheduled")
    assert paid() == dict.fromkeys(NUMBERS[:2], 2)


def test_rows_that_are_left_of_a_run_are_judged_one_by_one(pay: Pay, paid: Any, write: Any) -> None:
    write("b.csv", *NUMBERS[:6])
    pay("run", "b.csv", *PRODUCT, "--deadline", "2020-01-01T00:00Z", code=75)
    pay("run", write("c.csv", *NUMBERS[:3]), *PRODUCT)
    pay("run", "b.csv", *PRODUCT, "--skip-refused", code=1)
    assert paid() == dict.fromkeys(NUMBERS[:6], 1)
