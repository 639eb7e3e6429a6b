"""What the command line shows: help with examples, tables, JSON, and one sentence for each error."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from bulk_topup.__version__ import __version__
from bulk_topup.cli import COMMANDS, main
from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.ledger.pause_note import write_pause


def _command(*words: str) -> click.Command:
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command


ALL_COMMANDS = [
    (name, *more)
    for name in COMMANDS
    for more in [(), *((inner,) for inner in getattr(_command(name), "commands", ()))]
]
REWARDS = ("--product", 6418, "--rate", 1000, "--poll-interval", 0.1)


@pytest.mark.parametrize("words", ALL_COMMANDS, ids=" ".join)
def test_the_help_of_each_command_has_an_example_and_explains_each_option(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    assert f"    bulk-topup {' '.join(words)}" in result.output.split("Example:")[1]
    options = [option for option in _command(*words).params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_version_is_that_of_the_package() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


def test_a_plan_is_shown_and_written_and_sends_nothing(
    pay: Callable[..., Any], books: Callable[[], Any], root: Path, tmp_path: Path
) -> None:
    result = pay("plan", root / "sample_files/rewards.csv", "--product", 6418, "--json")
    plan = json.loads(result.stdout, parse_float=Decimal)
    assert (plan["rows"], plan["accepted"], plan["refused"], plan["new"]) == (40, 40, 0, 40)
    [total] = plan["products"]
    [balance] = plan["balances"]
    assert total["expected_cost"] == balance["remaining_cost"] == "163.2"
    assert (balance["available"], balance["after"]) == ("100000", "99836.8")
    file = tmp_path / "reports/list-rewards/plan.json"
    assert json.loads(file.read_text(), parse_float=Decimal) == plan
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert books()["transactions"] == []


def test_the_expected_cost_is_what_is_charged(pay: Callable[..., Any], books: Callable[[], Any], root: Path) -> None:
    plan = json.loads(pay("plan", root / "jobs/gift-cards.toml", "--json").stdout, parse_float=Decimal)
    pay("run", root / "jobs/gift-cards.toml", "--rate", 1000, "--poll-interval", 0.1)
    spent = {unit: Decimal(wallet["spent"]) for unit, wallet in books()["wallets"].items()}
    assert {check["unit"]: Decimal(check["remaining_cost"]) for check in plan["balances"]} == spent


def test_a_list_that_costs_more_than_the_balance_is_not_started(
    pay: Callable[..., Any], books: Callable[[], Any], tmp_path: Path
) -> None:
    list_ = tmp_path / "dear.csv"
    list_.write_text("reference,phone,amount\n" + "".join(f"R-{row},+6595123500,100\n" for row in range(1500)))
    options = ("--product", 6418, "--allow-duplicates")
    assert "The remaining cost is about 111,300.00 USD" in pay("run", list_, *options, code=4).stderr
    pay("plan", list_, *options, code=4)
    assert books()["transactions"] == []


def test_a_run_in_json_is_one_object_on_standard_output(pay: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    result = pay("run", root / "sample_files/rewards.csv", *REWARDS, "--json", code=1)
    run = json.loads(result.stdout)
    assert (run["counts"]["completed"], run["counts"]["failed"], run["stopped"]) == (37, 3, None)
    assert all((tmp_path / name).exists() for name in (*run["files"], run["not_completed"]))
    progress = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    assert progress[0]["run"] == "list/rewards"


def test_a_refused_list_in_json_is_the_plan_on_standard_output(pay: Callable[..., Any], root: Path) -> None:
    plan = json.loads(pay("run", root / "sample_files/bad/lost-plus.csv", "--json", code=3).stdout)
    assert [row["line"] for row in plan["refused_rows"]] == [3]


def test_a_report_that_cannot_be_written_after_paying_is_written_when_run_again(
    pay: Callable[..., Any], books: Callable[[], Any], root: Path, tmp_path: Path
) -> None:
    (tmp_path / "reports/list-gift_cards/results.csv").mkdir(parents=True)
    result = pay("run", root / "sample_files/gift_cards.csv", "--rate", 1000, "--poll-interval", 0.1, code=75)
    assert "Run list/gift_cards ended, and its report is missing." in result.stderr
    (tmp_path / "reports/list-gift_cards/results.csv").rmdir()
    pay("run", root / "sample_files/gift_cards.csv")
    assert len(books()["transactions"]) == 15


def test_an_unwritable_folder_is_reported(invoke: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    list_ = root / "sample_files/gift_cards.csv"
    assert "Choose another ledger with --ledger" in invoke("run", list_, "--ledger", "file/l.db", code=3).stderr
    result = invoke("plan", list_, "--ledger", "l.db", "--output", "file/p.json", code=75)
    assert "Can't create the report folder file: File exists." in result.stderr


def test_a_misspelt_status_gets_a_suggestion(pay: Callable[..., Any], tmp_path: Path) -> None:
    LedgerStore(tmp_path / "ledger.db").close()
    message = pay("retry", "list/x", "--status", "DECLINED-BARRED-CREDIT-PARTI", code=2).stderr
    assert "Did you mean DECLINED-BARRED-CREDIT-PARTY?" in message


def test_status_and_report_show_a_past_run(pay: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    pay("run", root / "sample_files/rewards.csv", *REWARDS, code=1)
    [run] = json.loads(pay("status", "--json").stdout)
    assert (run["run"], run["counts"]["completed"], run["counts"]["failed"]) == ("list/rewards", 37, 3)
    summary = json.loads(pay("status", "rewards", "--json").stdout)
    assert "list/rewards" in pay("status").stdout
    assert "Charged" in pay("status", "list/rewards").stdout
    until = datetime.now(UTC) + timedelta(hours=1)
    write_pause(tmp_path / "ledger.db", "list", "rewards", "Throttled by DVS.", until)
    assert "Throttled" not in pay("status", "list/rewards").stdout  # by a process that was killed
    with run_lock(tmp_path / "ledger.db", "list", "rewards"):
        assert "Throttled by DVS." in pay("status", "list/rewards").stdout
    again = json.loads(pay("report", "list/rewards", "--format", "csv", "--report-dir", "again", "--json").stdout)
    assert again["totals"] == summary["totals"]
    first, second = (tmp_path / folder / "results.csv" for folder in ("reports/list-rewards", "again"))
    assert first.read_bytes() == second.read_bytes()
    assert stat.S_IMODE(second.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600


def test_numbers_balances_and_products_are_looked_up(pay: Callable[..., Any]) -> None:
    assert "1310" in pay("lookup", "number", "+6595123100").stdout
    assert json.loads(pay("lookup", "number", "+6595123100", "--json").stdout)[0]["identified"] is True
    [usd] = json.loads(pay("balances", "--unit", "USD", "--json").stdout)
    assert (usd["unit"], usd["available"]) == ("USD", "100000")
    products = json.loads(pay("products", "--country", "MEX", "--operator", 1596, "--json").stdout)
    assert [product["id"] for product in products] == [7712]
    assert "sender.nationality_country_iso_code" in pay("products", 7350).stdout
    assert "DVS answered HTTP 404" in pay("products", 1, code=3).stderr


def test_without_an_address_an_embedded_sandbox_keeps_its_books_beside_the_ledger(
    invoke: Callable[..., Any], root: Path, tmp_path: Path
) -> None:
    ledger = ("--ledger", "own/ledger.db")
    invoke("run", root / "sample_files/gift_cards.csv", *ledger)
    books = tmp_path / "own/ledger.db.sandbox-books.jsonl"
    size = books.stat().st_size
    again = invoke("run", root / "sample_files/gift_cards.csv", *ledger)
    assert "15 completed" in again.stdout
    assert books.stat().st_size == size
    assert stat.S_IMODE(books.stat().st_mode) == 0o600
    assert json.loads(invoke("balances", "--unit", "USD", "--json", *ledger).stdout)[0]["available"] == "9762.5"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("run", "none.csv"), 3, "Can't read none.csv: No such file or directory."),
        (("run", "none.toml"), 3, "Can't read the job file none.toml"),
        (("run", "a{b}.csv"), 2, "braces are for the templates of job files"),
        (("resume", "list/none"), 3, 'No run "list/none" in the ledger'),
        (("report", "none"), 3, 'No run "none" in the ledger'),
        (("run", "x.csv", "--map", "amount"), 2, '"amount" is not FIELD=COLUMN'),
        (("run", "x.csv", "--map", "amount"), 2, "write it like amount=Salary"),
        (("plan", "x.csv", "--constant", "amount"), 2, "write it like product_id=6418"),
        (("run", "payrol.csv"), 3, "No such file or directory. Did you mean payroll.csv?"),
        (("run", "payrol.toml"), 3, "No such file or directory. Did you mean payroll.toml?"),
        (("plan", "payroll.csv", "--map", "phon=phone"), 3, "Did you mean credit_party_identifier.mobile_number?"),
        (("products", "999"), 3, "Choose one that this account and --env have"),
        (("lookup", "number", "6595123100"), 2, "write it with + and the country code"),
        (("retry", "list/none", "--rows", "5-x"), 2, '"5-x" is not a line or a range of lines'),
        (("run", "x.csv", "--default-country", "Singapore"), 3, "Write two capital letters"),
    ],
)
def test_an_error_is_reported_in_a_sentence(
    pay: Callable[..., Any], tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    LedgerStore(tmp_path / "ledger.db").close()
    (tmp_path / "payroll.csv").write_text("phone,amount\n+6595123100,5\n")
    (tmp_path / "payroll.toml").write_text("")
    assert message in pay(*words, code=code).stderr


def test_an_unknown_command_gets_a_suggestion() -> None:
    for words, message in ((["anotate"], "annotate"), (["conflict", "resolv"], "resolve")):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 2
        assert f'There is no command "{words[-1]}". Did you mean {message}?' in result.stderr
    assert "No such command" in CliRunner().invoke(main, ["xyz"]).stderr


def test_a_missing_response_points_to_doctor(invoke: Callable[..., Any]) -> None:
    result = invoke("balances", "--base-url", "http://127.0.0.1:9/v1", "--timeout", 0.1, code=4)
    assert (
        "`bulk-topup doctor --base-url http://127.0.0.1:9/v1` shows where the connection to DVS fails." in result.stderr
    )


def test_missing_credentials_are_reported(
    start: Callable[..., Any], environment: dict[str, str], options: tuple[str, ...]
) -> None:
    del environment["DVS_API_SECRET"]
    out, err = start("balances", *options).communicate(timeout=60)
    assert "Set DVS_API_SECRET in the environment" in err
    assert out == ""


def test_wrong_credentials_are_reported_and_not_shown(
    start: Callable[..., Any], environment: dict[str, str], options: tuple[str, ...]
) -> None:
    environment["DVS_API_SECRET"] = "wrong-hush"
    process = start("balances", *options)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "Unauthorized (1000401). Check DVS_API_KEY and DVS_API_SECRET" in err
    assert "wrong-hush" not in err


def test_production_is_paid_only_after_a_confirmation(
    pay: Callable[..., Any], books: Callable[[], Any], root: Path
) -> None:
    list_ = root / "sample_files/gift_cards.csv"
    result = pay("run", list_, "--env", "production", code=3)
    assert "Production needs confirmation, but there is no terminal." in result.stderr
    assert books()["transactions"] == []
    pay("run", list_, "--env", "production", "--yes", "--rate", 1000, "--poll-interval", 0.1)
    assert len(books()["transactions"]) == 15


def test_a_run_of_one_environment_is_not_paid_in_another(pay: Callable[..., Any], root: Path) -> None:
    list_ = root / "sample_files/gift_cards.csv"
    pay("run", list_, "--rate", 1000, "--poll-interval", 0.1)
    result = pay("run", list_, "--env", "preprod", code=3)
    assert "belongs to sandbox, not to preprod" in result.stderr
    for command in ("resume", "retry"):
        assert "Add --env sandbox" in pay(command, "list/gift_cards", "--env", "preprod", code=3).stderr


def test_a_run_of_one_account_is_not_paid_by_another(
    invoke: Callable[..., Any], pay: Callable[..., Any], books: Callable[[], Any], root: Path
) -> None:
    list_ = root / "sample_files/gift_cards.csv"
    elsewhere = ("--ledger", "ledger.db")
    invoke("run", list_, *elsewhere)
    for words in (("run", list_), ("resume", "list/gift_cards"), ("retry", "list/gift_cards")):
        assert "belongs to the account the embedded sandbox, and this is http://127.0.0.1" in pay(*words, code=3).stderr
    assert books()["transactions"] == []
    pay("resume", "list/gift_cards", "--same-account")
    pay("resume", "list/gift_cards")


@pytest.mark.parametrize(
    ("failing", "code"),
    [("bulk_topup.app.run.check_plan", 3), ("bulk_topup.engine.runner.Runner.execute", 75)],
    ids=["before anything is sent", "while rows are sent"],
)
def test_an_unexpected_error_exits_by_what_may_have_been_sent(
    pay: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, code: int
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    (tmp_path / "pay.csv").write_text("phone,amount\n+6595123001,5\n")
    monkeypatch.setattr(failing, fail)
    error = pay("run", "pay.csv", "--product", 6418, code=code).stderr
    assert "ZeroDivisionError" in error
