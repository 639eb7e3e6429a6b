"""A group of commands whose modules are imported only when they are asked for, so that help comes at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from bulk_topup.domain.exit_codes import ExitCode

#: What is said, and the exit code, where Ctrl-C comes while nothing of a command's own handles it.
INTERRUPTED: Final = "Interrupted; start again to go on."
INTERRUPTED_CODE: Final = ExitCode.RESUMABLE


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandSpec:
    """Where a command is, and what the group's help says of it."""

    module: str
    name: str
    #: One line.
    help: str


class LazyGroup(click.Group):
    """A group that knows its commands by their places."""

    def __init__(self, *args: Any, places: Mapping[str, CommandSpec], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands' names in the order of the alphabet."""
        del ctx
        return sorted(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of that name."""
        del ctx
        place = self.places.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(import_module(place.module), place.name)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever a command gives
        """Import and run the command that the line names."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(INTERRUPTED, err=True)
            raise click.exceptions.Exit(INTERRUPTED_CODE) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Complete the commands' names, without importing any."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=self.places[name].help) for name in names]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the line names; one that is not there is told with the one that may be meant."""
        if args[0] not in self.places and (near := get_close_matches(args[0], self.places, n=1)):
            ctx.fail(f'There is no command "{args[0]}"; do you mean {near[0]}?')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the help says of the commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.places[name].help) for name in self.list_commands(ctx)])
