"""Prompts: declined ones have one exit code, and without a terminal there is none."""

import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from bulk_topup.cli.confirmation import confirm, confirm_by_typing
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.domain.exit_codes import ExitCode


@click.command()
@click.option("--typed", is_flag=True)
def command(typed: bool) -> None:
    with exit_on_error():
        if typed:
            confirm_by_typing("list/may", "Type list/may to confirm", needs="Production")
        else:
            confirm("Purge?", needs="Purging")
        click.echo("done")


@pytest.fixture
def respond(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Return a function that runs a command at a terminal and types into its prompts."""
    monkeypatch.setattr("bulk_topup.cli.confirmation.is_terminal", lambda: True)

    def run(text: str | None, *words: str) -> tuple[int, str]:
        result = CliRunner().invoke(command, words, input=text)
        return result.exit_code, result.stdout

    return run


@pytest.mark.parametrize(("text", "code"), [("y\n", 0), ("n\n", ExitCode.DECLINED), ("\n", ExitCode.DECLINED), ("", 6)])
def test_a_yes_or_no_prompt_is_confirmed_or_declined(
    respond: Callable[..., tuple[int, str]], text: str, code: int
) -> None:
    assert respond(text) == (code, "done\n" if code == 0 else "")


@pytest.mark.parametrize(("text", "code"), [(" list/may \n", 0), ("list/june\n", ExitCode.DECLINED), ("", 6)])
def test_a_typed_confirmation_is_the_expected_text_or_declined(
    respond: Callable[..., tuple[int, str]], text: str, code: int
) -> None:
    assert respond(text, "--typed") == (code, "done\n" if code == 0 else "")


@pytest.mark.parametrize(("words", "what"), [((), "Purging"), (("--typed",), "Production")])
def test_without_a_terminal_there_is_no_prompt_but_the_option_that_replaces_it(
    words: tuple[str, ...], what: str
) -> None:
    result = CliRunner().invoke(command, words, input="y\n")
    assert result.exit_code == ExitCode.INVALID_INPUT
    assert result.stderr == f"Error: {what} needs confirmation, but there is no terminal. Add --yes.\n"


def test_the_command_line_is_also_a_module() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "bulk_topup", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("bulk-topup, version ")
