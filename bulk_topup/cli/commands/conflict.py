"""The commands of whoever settles conflicts."""

import click

from bulk_topup.cli.lazy_group import CommandSpec, LazyGroup

COMMANDS = {
    "list": CommandSpec(
        module="bulk_topup.cli.commands.conflict_list",
        name="list_command",
        help="List the conflicts of a run, or of all runs of the ledger.",
    ),
    "resolve": CommandSpec(
        module="bulk_topup.cli.commands.conflict_resolve",
        name="resolve_command",
        help="Say what became of rows in conflict.",
    ),
}


@click.group("conflict", cls=LazyGroup, places=COMMANDS)
def conflict_group() -> None:
    """List rows that the provider's record or the list contradicts, and say what is true of them.

    \b
    Example:
      bulk-topup conflict list
    """
