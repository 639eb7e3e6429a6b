"""Prompts: declined ones have one exit code, and without a terminal there is none."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from bulk_topup.cli.confirmation import confirm, confirm_by_typing
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.domain.exit_codes import ExitCode

_PROMPT_IN_A_LOOP = """
import sys
from bulk_topup.cli.confirmation import confirm_by_typing
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
import click

async def main():
    confirm_by_typing("list/may", "Type list/may to confirm", needs="Production")

try:
    with exit_on_error():
        run_async(main())
except click.exceptions.Exit as end:
    sys.exit(end.exit_code)
"""


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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, ExitCode.DECLINED), (signal.SIGTERM, ExitCode.RESUMABLE)])
def test_a_signal_ends_a_prompt_that_an_event_loop_waits_for(number: signal.Signals, code: ExitCode) -> None:
    """Only a real terminal has a prompt that a signal can interrupt, and only a process of its own gets the signal.

    Real time because it waits for that process.
    """
    prompted = b"Type list/may to confirm"
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - another process
        os.execv(sys.executable, [sys.executable, "-c", _PROMPT_IN_A_LOOP])  # noqa: S606 - our own text
    output, status = b"", 0
    try:
        while prompted not in output:
            output += os.read(terminal, 4096)
        end = time.monotonic() + 20
        again = 0.0
        while not status and time.monotonic() < end:
            # Again: readline misses a signal that comes between its start and its wait. Not soon: one that comes while
            # the process ends is not handled any more.
            if time.monotonic() >= again:
                os.kill(child, number)
                again = time.monotonic() + 5
            time.sleep(0.05)
            ended, status = os.waitpid(child, os.WNOHANG)
            assert ended in {0, child}
    finally:
        if not status:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == code
