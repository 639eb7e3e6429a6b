"""Where the money is: named everywhere, and never guessed where credentials are given."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

from bulk_topup.cli import main
from tests.helpers.private_files import write_private

LIST = "phone,amount\n+6595123001,5\n"
EMBEDDED = "Environment: sandbox. Account: the embedded sandbox."
SCHEDULE = '\n[schedule]\nat = "* * * * *"\ncatch_up = "1h"\n'


@pytest.fixture
def invoke(tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that runs the command with the credentials of the environment, whatever it pays with."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(map(str, words)), env=environment)
        assert result.exit_code == code, f"exit code {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    return run


@pytest.fixture
def pay_csv(tmp_path: Path) -> Path:
    (tmp_path / "pay.csv").write_text(LIST)
    return tmp_path / "pay.csv"


@pytest.fixture
def job(tmp_path: Path, pay_csv: Path) -> Callable[..., Path]:
    """Return a function that writes a job with these settings."""

    def write(more: str = "") -> Path:
        path = tmp_path / "pay.toml"
        path.write_text(f'list = "{pay_csv.name}"\nrun_key = "1"\nproduct = 6418\n{more}\n')
        return path

    return write


@pytest.fixture
def without_credentials(environment: dict[str, str]) -> None:
    """Remove the credentials of the environment."""
    del environment["DVS_API_KEY"], environment["DVS_API_SECRET"]


def left_in(folder: Path) -> list[str]:
    """Return the files of a data folder and a report folder: anything that a start could leave behind."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix not in {".csv", ".toml"})


@pytest.mark.parametrize(
    "words",
    [
        ("run", "pay.csv", "--product", 6418),
        ("run", "pay.csv", "--product", 6418, "--quiet"),
        ("run", "pay.csv", "--product", 6418, "--json"),
        ("run", "pay.toml"),
        ("run", "pay.toml", "--scheduled", "--quiet"),
        ("plan", "pay.csv", "--product", 6418),
        ("plan", "pay.toml", "--json"),
        ("products",),
        ("balances", "--json"),
        ("reconcile",),
        ("template", "--product", 6418),
        ("retry", "retry.toml", "--scheduled", "--quiet"),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_credentials_without_a_named_environment_are_refused_before_anything_is_created(
    invoke: Callable[..., Any], job: Callable[..., Path], tmp_path: Path, words: tuple[object, ...]
) -> None:
    job(SCHEDULE)
    (tmp_path / "retry.toml").write_text(f'retry_of = "pay"\n{SCHEDULE}')
    result = invoke(*words, code=3)
    assert "API credentials are given (DVS_API_KEY and DVS_API_SECRET in the environment)" in result.stderr
    assert "--env production, or --env sandbox" in result.stderr
    assert left_in(tmp_path) == []


@pytest.mark.usefixtures("without_credentials")
def test_credentials_of_an_option_or_of_the_env_file_count_too(
    invoke: Callable[..., Any], pay_csv: Path, tmp_path: Path
) -> None:
    words = ("run", pay_csv, "--product", 6418, "--ledger", "ledger.db")
    pair = "DVS_API_KEY=k\nDVS_API_SECRET=s\n"
    file = write_private(tmp_path / "account.env", pair)
    assert f"(--credentials {file})" in invoke(*words, "--credentials", file, code=3).stderr
    write_private(tmp_path / ".env", pair)
    assert "(DVS_API_KEY and DVS_API_SECRET in .env)" in invoke(*words, code=3).stderr
    assert not (tmp_path / "ledger.db").exists()
    (tmp_path / ".env").unlink()
    assert invoke(*words).stdout.startswith(f"{EMBEDDED} SANDBOX: no money moves.\n")


def test_the_first_line_says_that_a_named_sandbox_does_not_use_the_credentials(
    invoke: Callable[..., Any], job: Callable[..., Path]
) -> None:
    unused = "The API credentials that are given (DVS_API_KEY and DVS_API_SECRET in the environment) are not used."
    first = f"{EMBEDDED} SANDBOX: no money moves. {unused}\n"
    ledger = ("--ledger", "ledger.db")
    assert invoke("plan", job(), "--env", "sandbox", *ledger).stdout.startswith(first)
    assert invoke("run", job('environment = "sandbox"'), *ledger).stdout.startswith(first)
    assert invoke("resume", "pay/1", "--env", "sandbox", *ledger).stdout.startswith(first)
    assert invoke("products", "--env", "sandbox", *ledger).stderr.startswith(f"{first.rstrip()} Rate: ")
    assert invoke("run", job('environment = "sandbox"'), "--quiet", *ledger).output == ""


@pytest.mark.parametrize("named", [(), ("--env", "sandbox"), ("--env", "preprod")], ids=" ".join)
def test_the_address_of_another_environment_is_refused(
    invoke: Callable[..., Any], pay_csv: Path, tmp_path: Path, named: tuple[str, ...]
) -> None:
    address = ("--base-url", "https://DVS-API.dtone.com./v1", "--ledger", "ledger.db")
    error = invoke("run", pay_csv, "--product", 6418, *named, *address, code=3).stderr
    assert "is the address of production, not of" in error
    assert "Add --env production, or remove --base-url." in error
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.usefixtures("without_credentials")
def test_a_schedule_needs_a_named_environment_also_without_credentials(
    invoke: Callable[..., Any], job: Callable[..., Path], tmp_path: Path
) -> None:
    refused = "--scheduled needs an environment that is named."
    (tmp_path / "retry.toml").write_text(f'retry_of = "pay"\n{SCHEDULE}')
    for words in (("run", job(SCHEDULE)), ("plan", job(SCHEDULE)), ("retry", "retry.toml")):
        assert refused in invoke(*words, "--scheduled", code=3).stderr
    assert left_in(tmp_path) == []
    assert "names no environment" in invoke("schedule", "print", job(SCHEDULE), "--cron", code=3).stderr
    ledger = ("--scheduled", "--ledger", "ledger.db")
    invoke("run", job(SCHEDULE), "--env", "sandbox", *ledger)
    invoke("run", job(f'environment = "sandbox"{SCHEDULE}'), *ledger)


def test_every_output_names_environment_and_account(
    pay: Callable[..., Any], pay_csv: Path, tmp_path: Path, sandbox: Any, results: Callable[..., Any]
) -> None:
    words = (pay_csv, "--product", 6418)
    plan = json.loads(pay("plan", *words, "--json").stdout)
    account = plan["account"]
    assert account.startswith(f"{sandbox.base_url} (key ")
    assert plan["environment"] == "sandbox"
    assert json.loads((tmp_path / "reports/list-pay/plan.json").read_text())["account"] == account
    named = f"Environment: sandbox. Account: {account}."
    shown = " ".join(pay("run", *words).stdout.split())
    assert shown.count(named) == 2  # at the start, and on the screen of the end
    again = json.loads(pay("run", *words, "--json").stdout)
    status = json.loads(pay("status", "--json").stdout)[0]
    summary = json.loads((tmp_path / "reports/list-pay/summary.json").read_text())
    reconciled = json.loads(pay("reconcile", "list/pay", "--json").stdout)
    report = json.loads(pay("report", "list/pay", "--json").stdout)
    for each in (again, status, summary, reconciled, report, json.loads(pay("status", "list/pay", "--json").stdout)):
        assert (each["environment"], each["account"]) == ("sandbox", account)
    assert named in " ".join(pay("status", "list/pay").stdout.split())
    assert named in pay("reconcile", "list/pay").stdout
    sheet = load_workbook(tmp_path / "reports/list-pay/results.xlsx")["Summary"]
    assert ["Account", account] in [[cell.value for cell in row][:2] for row in sheet.iter_rows()]
    [row] = results("list-pay")
    assert (row["result_environment"], row["result_account"]) == ("sandbox", account)
    [line] = (tmp_path / "reports/list-pay/results.jsonl").read_text().splitlines()
    assert (json.loads(line)["environment"], json.loads(line)["account"]) == ("sandbox", account)
    assert pay("balances", "--csv").stderr.startswith(named)
    assert "test-key" not in shown


@pytest.mark.usefixtures("without_credentials")
def test_a_start_that_fails_leaves_no_ledger_no_books_and_no_lock_behind(
    invoke: Callable[..., Any], pay_csv: Path, tmp_path: Path
) -> None:
    ledger = ("--ledger", "ledger.db")
    for environment in ("preprod", "production"):
        invoke("run", pay_csv, "--product", 6418, "--env", environment, *ledger, code=3)
    invoke("run", "missing.csv", "--product", 6418, *ledger, code=3)
    pay_csv.write_text("phone,amount\n+659,5\n")
    invoke("run", pay_csv, "--product", 6418, *ledger, code=3)
    invoke("plan", pay_csv, "--product", 6418, *ledger, code=3)
    assert not list(tmp_path.glob("ledger.db"))
    assert not list(tmp_path.glob("ledger.db*"))
    invoke("products", *ledger)
    assert not list(tmp_path.glob("ledger.db*"))
    pay_csv.write_text(LIST)
    invoke("run", pay_csv, "--product", 6418, *ledger)
    assert (tmp_path / "ledger.db").exists()
    assert (tmp_path / "ledger.db.sandbox-books.jsonl").exists()
    assert not list(tmp_path.glob("*.lock"))


def test_a_command_that_is_proposed_can_be_pasted(invoke: Callable[..., Any], pay_csv: Path, sandbox: Any) -> None:
    pay_csv.write_text("phone,amount\n+6595123104,5\n")
    embedded, other = ("--env", "sandbox"), ("--base-url", sandbox.base_url)
    for number, place in enumerate((embedded, other)):
        words = ("--product", 6418, "--run-key", number, "--pay-again", "a test", *place, "--ledger", f"{number}.db")
        shown = invoke("run", pay_csv, *words, code=1).stdout
        [proposed] = re.findall(r"^  bulk-topup (retry .*)$", shown, re.MULTILINE)
        invoke(*shlex.split(proposed), code=1)
