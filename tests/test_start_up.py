"""What a command imports before it has anything to do."""

import json
import subprocess
import sys

import click
import pytest

from bulk_topup.cli import COMMANDS, main

HEAVY = {"polars", "pydantic", "httpx2", "sqlite_utils", "starlette", "uvicorn", "rich", "cryptography", "phonenumbers"}


def imported_by(statement: str) -> set[str]:
    """Give the packages that a new process has imported after a statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return {name.partition(".")[0] for name in json.loads(answer.stdout.splitlines()[-1])}


def test_help_imports_no_command() -> None:
    statement = "from bulk_topup.cli import main\nmain(['--help'], standalone_mode=False)"
    assert not imported_by(statement) & HEAVY


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_where_the_group_says(name: str) -> None:
    with click.Context(main) as context:
        command = main.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_the_groups_help_names_every_command() -> None:
    with click.Context(main) as context:
        told = main.get_help(context)
    assert all(f"\n  {name} " in told for name in COMMANDS)
