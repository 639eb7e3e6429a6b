"""The commands about rows that need review."""

import click

from bulk_topup.cli.lazy_group import CommandSpec, LazyGroup

COMMANDS = {
    "list": CommandSpec(
        module="bulk_topup.cli.commands.conflict_list",
        name="list_command",
        help="List the rows that need review.",
    ),
    "resolve": CommandSpec(
        module="bulk_topup.cli.commands.conflict_resolve",
        name="resolve_command",
        help="Resolve rows in conflict by hand.",
    ),
}


@click.group("conflict", cls=LazyGroup, specs=COMMANDS)
def conflict_group() -> None:
    """List and resolve rows that need review: DVS or the list contradicts our record.

    \b
    Example:
      bulk-topup conflict list
    """
