"""A command takes its time from the clock that is passed to the command line, else from the machine's."""

from datetime import UTC, datetime, timedelta

import click
from click.testing import CliRunner

from bulk_topup.cli.clock import command_clock
from bulk_topup.system.clock import SystemClock
from tests.conftest import HandClock


@click.group()
def group() -> None:
    pass


@group.command()
def show() -> None:
    click.echo(command_clock().now().isoformat())


def test_a_clock_that_is_passed_is_that_of_the_command() -> None:
    clock = HandClock()
    assert CliRunner().invoke(group, ["show"], obj=clock).stdout.strip() == clock.now().isoformat()


def test_without_one_the_time_is_the_machines() -> None:
    shown = datetime.fromisoformat(CliRunner().invoke(group, ["show"]).stdout.strip())
    assert timedelta() <= datetime.now(UTC) - shown < timedelta(minutes=1)
    assert isinstance(command_clock(), SystemClock)
