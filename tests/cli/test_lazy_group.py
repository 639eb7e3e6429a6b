"""Commands that are imported only when they are asked for."""

import click
from click.testing import CliRunner

from bulk_topup.cli import main
from bulk_topup.cli.lazy_group import INTERRUPTED, INTERRUPTED_CODE, CommandSpec, LazyGroup
from bulk_topup.domain.exit_codes import ExitCode


@click.command()
def broken_off() -> None:
    """Be broken off by somebody at the keyboard."""
    raise KeyboardInterrupt


def test_ctrl_c_before_anything_else_handles_it_means_start_again() -> None:
    group = LazyGroup(places={"broken-off": CommandSpec(module=__name__, name="broken_off", help="")})
    result = CliRunner().invoke(group, ["broken-off"])
    assert (result.exit_code, result.output) == (INTERRUPTED_CODE, f"{INTERRUPTED}\n")
    assert ExitCode(INTERRUPTED_CODE) is ExitCode.RESUMABLE


def test_the_command_line_is_such_a_group() -> None:
    assert isinstance(main, LazyGroup)
