"""What an unexpected error of ours exits with: never Python's own 1, which means a finished run."""

import asyncio

import click
import pytest
from click.testing import CliRunner

from bulk_topup.app.monitor import RunMonitor
from bulk_topup.cli.crash import record_start
from bulk_topup.cli.lazy_group import CommandSpec, LazyGroup
from bulk_topup.cli.monitoring import monitored
from bulk_topup.domain.exit_codes import ExitCode


@click.command()
@click.option("--begun", is_flag=True)
def crashing(begun: bool) -> None:
    """Fail, perhaps after something was sent."""
    if begun:
        record_start()
    raise BrokenPipeError("nobody reads")


@click.command()
@click.option("--begun", is_flag=True)
def paying(begun: bool) -> None:
    """Fail while a run is monitored."""
    with monitored() as monitor:
        assert isinstance(monitor, RunMonitor)
        monitor.has_started = begun
        raise KeyError("a")


@click.command()
@click.option("--begun", is_flag=True)
def cancelled(begun: bool) -> None:
    """Fail with what is no Exception."""
    if begun:
        record_start()
    raise BaseExceptionGroup("tasks", [asyncio.CancelledError()])


@click.command()
def refusing() -> None:
    """Fail as expected."""
    raise click.UsageError("no such thing")


GROUP = LazyGroup(
    specs={
        name: CommandSpec(module=__name__, name=name, help=f"The {name}.")
        for name in ("crashing", "paying", "cancelled", "refusing", "group")
    }
)
group = LazyGroup(name="group", specs={"inner": CommandSpec(module=__name__, name="crashing", help="The inner.")})


@pytest.mark.parametrize("words", [["crashing"], ["paying"], ["cancelled"], ["group", "inner"]], ids=" ".join)
@pytest.mark.parametrize(("begun", "code"), [([], ExitCode.INVALID_INPUT), (["--begun"], ExitCode.RESUMABLE)])
def test_the_code_says_whether_something_may_have_been_sent(words: list[str], begun: list[str], code: ExitCode) -> None:
    result = CliRunner().invoke(GROUP, [*words, *begun])
    assert result.exit_code == code
    assert result.stderr.count("Traceback (most recent call last)") == 1


def test_an_expected_error_shows_no_traceback() -> None:
    result = CliRunner().invoke(GROUP, ["refusing"])
    assert result.exit_code == ExitCode.USAGE
    assert "Traceback" not in result.stderr
