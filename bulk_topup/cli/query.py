"""What the API answers, shown as a table on a terminal, or as JSON or CSV for scripts."""

import csv
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import click
from pydantic import BaseModel
from rich.console import Console

from bulk_topup.app.provider import open_client
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.pagination import Pages
from bulk_topup.security.formulas import csv_text

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
Row = Callable[[Model], Iterable[object]]


def answer_options(command: Any) -> Any:  # noqa: ANN401 - a decorator over any command
    """Add the options that say which provider is asked, and how its answer is shown."""
    for decorate in (
        click.option("--csv", "as_csv", is_flag=True, help="Print CSV."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        provider_options,
    ):
        command = decorate(command)
    return command


def answer(
    values: dict[str, Any],
    fetch: Callable[[AsyncDVS], Awaitable[Sequence[Model]]],
    headings: Sequence[str],
    row: Row[Model],
    *,
    unbroken: Collection[str] = (),
) -> None:
    """Ask the provider and show what it answers.

    Args:
        values: the command's values, those of `answer_options` among them.
        fetch: asks.
        headings: the columns of the table and of the CSV file.
        row: gives the cells of one item.
        unbroken: columns of the table that are never wrapped.
    """
    as_json, as_csv = values.pop("as_json"), values.pop("as_csv")
    if as_json and as_csv:
        raise click.UsageError("Choose one of --json and --csv.")
    items = fetch_or_exit(values, fetch)
    if as_json:
        click.echo(codec.encode([item.model_dump() for item in items]))
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(headings)
        writer.writerows([csv_text("" if cell is None else str(cell)) for cell in row(item)] for item in items)
    else:
        Console(emoji=False).print(simple_table(headings, map(row, items), unbroken=unbroken))


def fetch_or_exit(values: dict[str, Any], fetch: Callable[[AsyncDVS], Awaitable[T]]) -> T:
    """Give what the provider answers; an error of ours becomes a sentence and an exit code."""
    with exit_on_error():
        provider = provider_from(values)

        async def main() -> T:
            async with open_client(provider) as dvs:
                return await fetch(dvs)

        return run_async(main(), interrupted="Interrupted before the provider's answer came.")


async def everything(pages: Pages[T]) -> list[T]:
    """Read a list to its end."""
    return [item async for item in pages]
