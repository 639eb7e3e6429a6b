"""The command that prints the shell completion script."""

import click
from click.shell_completion import get_completion_class

#: The variable that click reads completions by, and the program's name on command lines.
VARIABLE = "_BULK_TOPUP_COMPLETE"
PROGRAM = "bulk-topup"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the shell completion script: commands, options, files and runs on the Tab key.

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
