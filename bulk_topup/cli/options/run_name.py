"""The argument that names a run, completed on the Tab key from the ledger."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.errors import BulkTopupError

F = TypeVar("F", bound=Callable[..., Any])


def _run_names(context: click.Context, _argument: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """Give the runs of the ledger that the line names so far, the newest first; none where it cannot be read."""
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
                CompletionItem(run.name, help=f"{run.environment}, begun {run.created_at:%Y-%m-%d %H:%M} UTC")
                for run in runs
                if run.name.startswith(begun)
            ]
    except (BulkTopupError, OSError, ValueError):  # whoever presses Tab wants no error in the middle of a line
        return []


def run_argument(*, required: bool = True, metavar: str = "RUN") -> Callable[[F], F]:
    """Give the argument that names a run, which the Tab key completes."""
    metavar = metavar if required else f"[{metavar}]"
    return click.argument("run_name", metavar=metavar, required=required, shell_complete=_run_names)
