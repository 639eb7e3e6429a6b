"""What a command imports before it does anything."""

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bulk_topup.cli import COMMANDS, main
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow, staged

#: Packages that commands may import if they only read the ledger, besides the standard library.
#: `email` comes with importlib.metadata, which cloup imports.
LIGHT = {"bulk_topup", "click", "cloup", "email", "msgspec", "platformdirs", "rich", "typing_extensions"}
#: Packages that the help of a command that pays may import.
HELP = {"bulk_topup", "click", "cloup", "email", "platformdirs", "typing_extensions"}
#: Heavy modules of the standard library.
HEAVY = {"asyncio", "ctypes", "email", "http", "multiprocessing", "xml"}

PACKAGES = ("dvs", "engine", "intake", "ledger", "plan", "report", "sandbox")


def imported_by(statement: str) -> set[str]:
    """Return the packages that a new process imports for a statement; of the standard library, only the heavy ones."""
    code = (
        f"import json, sys\nbefore = {{*sys.modules}}\n{statement}\nprint(json.dumps([*({{*sys.modules}} - before)]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    found = {name.partition(".")[0] for name in json.loads(result.stdout.splitlines()[-1])}
    return found - (sys.stdlib_module_names - HEAVY)


def imported_by_command(*arguments: str) -> set[str]:
    return imported_by(f"from bulk_topup.cli import main\nmain({list(arguments)!r}, standalone_mode=False)")


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    """A ledger with a run of one row."""
    file = tmp_path / "ledger.db"
    row = CheckedRow(
        line=2,
        identity="reference:a",
        cells='["a"]',
        problems=(),
        product_id=1,
        credit_party=None,
        amount=None,
        unit=None,
        request=b"{}",
        cost=None,
        cost_unit=None,
    )
    with LedgerStore(file) as ledger:
        ledger.staging.clear()
        ledger.staging.add(staged([row]))
        ledger.staging.merge(
            job="list", run_key="may", environment="sandbox", list_path="may.csv", columns=["reference"]
        )
    return file


def test_help_imports_no_command() -> None:
    assert imported_by_command("--help") == {"bulk_topup", "click"}


@pytest.mark.parametrize("command", ["run", "resume", "retry"])
def test_the_help_of_a_command_that_pays_imports_nothing_heavy(command: str) -> None:
    found = imported_by_command(command, "--help")
    assert not found & {"polars", "pydantic", "aiohttp", "openpyxl", "sqlite3", "starlette", "rich", "msgspec"}
    assert found <= HELP


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("status", "list/may"),
        ("status", "--json"),
        ("report", "list/may", "--format", "csv", "--format", "jsonl"),
        ("conflict", "list"),
    ],
    ids=" ".join,
)
def test_a_command_that_only_reads_imports_only_what_it_uses(
    arguments: tuple[str, ...], ledger_file: Path, tmp_path: Path
) -> None:
    more = ("--report-dir", str(tmp_path / "report")) if "report" in arguments else ()
    # The run has a row that is not completed, which a report writes as a workbook too.
    used = LIGHT | {"xlsxwriter"} if "report" in arguments else LIGHT
    assert imported_by_command(*arguments, "--ledger", str(ledger_file), *more) <= used


def test_a_workbook_is_written_without_importing_what_reads_or_pays_lists(ledger_file: Path, tmp_path: Path) -> None:
    where = ("--ledger", str(ledger_file), "--report-dir", str(tmp_path / "report"))
    found = imported_by_command("report", "list/may", "--format", "xlsx", *where)
    assert "xlsxwriter" in found
    assert not found & {"cryptography", "httpx2", "polars", "phonenumbers", "pydantic", "sqlite_utils"}


def test_a_ledger_that_is_up_to_date_is_opened_for_writing_without_sqlite_utils(ledger_file: Path) -> None:
    statement = (
        f"from pathlib import Path\nfrom bulk_topup.ledger import LedgerStore\nLedgerStore(Path({str(ledger_file)!r}))"
    )
    assert "sqlite_utils" not in imported_by(statement)


def test_the_clients_errors_are_imported_without_the_client() -> None:
    assert imported_by("from bulk_topup.dvs import DVSError, StatusClass") == {"bulk_topup"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_each_name_of_its_all(package: str) -> None:
    module = importlib.import_module(f"bulk_topup.{package}")
    for name in module.__all__:
        # A module of the same name would hide it.
        assert importlib.util.find_spec(f"{module.__name__}.{name}") is None
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"'bulk_topup.{package}' has no attribute 'nothing_like_it'"):
        module.nothing_like_it  # noqa: B018


def test_completing_a_commands_name_imports_no_command() -> None:
    statement = (
        "from bulk_topup.cli import main\n"
        "context = main.make_context('bulk-topup', [], resilient_parsing=True)\n"
        "assert [each.value for each in main.shell_complete(context, 'res')] == ['resume']"
    )
    assert imported_by(statement) == {"bulk_topup", "click"}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_in_the_module_that_the_group_names(name: str) -> None:
    with click.Context(main) as context:
        command = main.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_the_groups_help_names_every_command() -> None:
    with click.Context(main) as context:
        text = main.get_help(context)
    assert all(f"\n  {name} " in text for name in COMMANDS)
