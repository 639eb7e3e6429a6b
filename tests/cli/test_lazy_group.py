"""Commands that are imported only when they are invoked, and the exit codes of what interrupts them."""

import click
import pytest
from click.testing import CliRunner

from bulk_topup.cli import COMMANDS, main
from bulk_topup.cli.lazy_group import INTERRUPTED, CommandSpec, LazyGroup
from bulk_topup.domain.exit_codes import ExitCode


@click.command()
def interrupted() -> None:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


@click.command()
@click.option("--name", prompt=True)
def prompting(name: str) -> None:
    """Prompt for a name."""
    click.echo(name)


GROUP = LazyGroup(
    specs={
        name: CommandSpec(module=__name__, name=name, help=f"The {name}.", section=section)
        for name, section in (("interrupted", "First"), ("prompting", "Second"))
    }
)


def test_ctrl_c_that_no_command_handles_means_run_again() -> None:
    result = CliRunner().invoke(GROUP, ["interrupted"])
    assert (result.exit_code, result.output) == (ExitCode.RESUMABLE, f"{INTERRUPTED}\n")


def test_a_prompt_without_terminal_is_invalid_input() -> None:
    result = CliRunner().invoke(GROUP, ["prompting"])
    assert result.exit_code == ExitCode.INVALID_INPUT
    assert result.stderr.endswith("Error: No terminal to prompt on. Set every option on the command line.\n")


def test_a_prompt_cancelled_on_a_terminal_is_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk_topup.cli.lazy_group.is_terminal", lambda: True)
    result = CliRunner().invoke(GROUP, ["prompting"])
    assert result.exit_code == ExitCode.DECLINED
    assert result.stderr.endswith("Cancelled at the prompt.\n")


def test_the_help_lists_commands_by_section_in_the_given_order() -> None:
    text = CliRunner().invoke(GROUP, ["--help"]).output
    assert text.index("First:") < text.index("The interrupted.") < text.index("Second:") < text.index("The prompting.")


def test_the_command_line_is_such_a_group_with_six_sections() -> None:
    assert isinstance(main, LazyGroup)
    sections = list(dict.fromkeys(spec.section for spec in COMMANDS.values()))
    assert sections == ["Pay", "Prepare", "Look", "Repair", "Provider", "Set up"]


def test_the_help_ends_with_every_exit_code() -> None:
    text = CliRunner().invoke(main, ["--help"]).output.split("Exit codes:")[1]
    assert [int(line.split()[0]) for line in text.splitlines() if line[:3].strip()[:1].isdigit()] == list(ExitCode)
