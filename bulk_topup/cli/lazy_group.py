"""A group of commands whose modules are imported only when they are invoked, so that help is fast."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from bulk_topup.cli.command_line import keep_words
from bulk_topup.cli.crash import exit_on_crash
from bulk_topup.cli.terminal import is_terminal

#: Printed where Ctrl-C comes while no command handles it.
INTERRUPTED: Final = "Interrupted. Run the command again."
_CANCELLED: Final = "Cancelled at the prompt."
_NO_TERMINAL: Final = "Error: No terminal to prompt on. Set every option on the command line."


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandSpec:
    """The module of a command, and its line in the group's help."""

    module: str
    #: The command's variable in the module.
    name: str
    #: One line.
    help: str
    #: The heading that the group's help lists it under.
    section: str = "Commands"


@contextmanager
def _interruption() -> Iterator[None]:
    """Exit with their own codes if Ctrl-C or a cancelled prompt ends the block, not with click's "Aborted!"."""
    try:
        yield
    except KeyboardInterrupt:
        from bulk_topup.domain.exit_codes import ExitCode

        click.echo(INTERRUPTED, err=True)
        raise click.exceptions.Exit(ExitCode.RESUMABLE) from None
    except click.Abort:  # by a prompt of an option; other prompts raise errors of ours
        from bulk_topup.domain.exit_codes import ExitCode

        if not is_terminal():
            click.echo(_NO_TERMINAL, err=True)
            raise click.exceptions.Exit(ExitCode.INVALID_INPUT) from None
        click.echo(_CANCELLED, err=True)
        raise click.exceptions.Exit(ExitCode.DECLINED) from None


class LazyGroup(click.Group):
    """A group that imports only the command that is invoked.

    Args:
        specs: the commands by name; help lists the sections in the order in which they first occur.
    """

    def __init__(self, *args: Any, specs: Mapping[str, CommandSpec], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.specs = specs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in alphabetical order."""
        del ctx
        return sorted(self.specs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported; None for an unknown name."""
        del ctx
        spec = self.specs.get(cmd_name)
        if spec is None:
            return None
        command: click.Command = getattr(import_module(spec.module), spec.name)
        return command

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **kwargs: Any) -> click.Context:
        """Parse the command line; Ctrl-C exits as it does later."""
        words = tuple(args)  # click removes them while it parses
        with _interruption():
            context = super().make_context(info_name, args, *more, **kwargs)
        if context.parent is None:
            keep_words(context, words)
        return context

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - commands return anything
        """Import and run the command of the command line; Ctrl-C, cancelled prompts and crashes have exit codes."""
        with _interruption(), exit_on_crash(ctx):
            return super().invoke(ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return the commands that complete a name, without importing any."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=self.specs[name].help) for name in names]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of the command line; the error for an unknown name suggests a similar one."""
        if args[0] not in self.specs and (near := get_close_matches(args[0], self.specs, n=1)):
            ctx.fail(f'There is no command "{args[0]}". Did you mean {near[0]}?')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without importing any."""
        del ctx
        width = max(map(len, self.specs))
        for section in dict.fromkeys(spec.section for spec in self.specs.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [(name.ljust(width), spec.help) for name, spec in self.specs.items() if spec.section == section]
                )
