"""The argument that names a run, completed on the Tab key from the ledger."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.errors import BulkTopupError

F = TypeVar("F", bound=Callable[..., Any])


def _complete_run_names(
    context: click.Context, _argument: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Return the runs of the ledger that the command line names so far, newest first; none if it can't be read."""
    from bulk_topup.ledger import LedgerStore

    try:
        path = context.params.get("ledger") or default_ledger(
            Environment(context.params.get("environment") or "sandbox")
        )
        if not path.exists():
            return []
        with LedgerStore(path, read_only=True) as ledger:
            runs = reversed(ledger.runs.all())
            return [
                CompletionItem(run.name, help=f"{run.environment}, created {run.created_at:%Y-%m-%d %H:%M} UTC")
                for run in runs
                if run.name.startswith(incomplete)
            ]
    except (BulkTopupError, OSError, ValueError):  # an error would be printed into the line that is being typed
        return []


def run_argument(*, required: bool = True, metavar: str = "RUN") -> Callable[[F], F]:
    """Return the argument that names a run, which the Tab key completes."""
    metavar = metavar if required else f"[{metavar}]"
    return click.argument("run_name", metavar=metavar, required=required, shell_complete=_complete_run_names)
