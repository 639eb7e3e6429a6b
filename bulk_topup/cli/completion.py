"""Completion on the Tab key: what a shell has to load, and the names of runs, read from the ledger."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem, get_completion_class

from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.errors import BulkTopupError

F = TypeVar("F", bound=Callable[..., Any])

#: What click asks for completions by, and what the program is called on command lines.
VARIABLE = "_BULK_TOPUP_COMPLETE"
PROGRAM = "bulk-topup"


def run_argument(*, required: bool = True, metavar: str = "RUN") -> Callable[[F], F]:
    """Give the argument that names a run, which the Tab key completes."""
    metavar = metavar if required else f"[{metavar}]"
    return click.argument("run_name", metavar=metavar, required=required, shell_complete=_run_names)


def _run_names(context: click.Context, _argument: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """Give the runs of the ledger that the line names so far, the newest first; none where it cannot be read."""
    from bulk_topup.ledger import Ledger

    try:
        path = context.params.get("ledger") or default_ledger(
            Environment(context.params.get("environment") or "sandbox")
        )
        if not path.exists():
            return []
        with Ledger(path, read_only=True) as ledger:
            runs = reversed(ledger.runs())
            return [
                CompletionItem(run.name, help=f"{run.environment}, begun {run.created_at:%Y-%m-%d %H:%M} UTC")
                for run in runs
                if run.name.startswith(begun)
            ]
    except (BulkTopupError, OSError, ValueError):  # whoever presses Tab wants no error in the middle of a line
        return []


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print what makes a shell complete commands, options, files and runs on the Tab key.

    bash: eval "$(bulk-topup completion bash)" in ~/.bashrc; zsh: the same with zsh in ~/.zshrc, after compinit; fish:
    bulk-topup completion fish > ~/.config/fish/completions/bulk-topup.fish

    \b
    Example:
      bulk-topup completion bash
    """
    root = click.get_current_context().find_root().command
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has all three
    click.echo(found(root, {}, PROGRAM, VARIABLE).source())
