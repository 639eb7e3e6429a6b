"""Fetches from DVS and prints the response: a table on a terminal, or JSON or CSV for scripts."""

import csv
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

import click
import cloup
from pydantic import BaseModel
from rich.console import Console

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.open_catalogue import open_catalogue
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.cli.account_line import account_line
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.notices import client_rate, show_notices
from bulk_topup.cli.options.groups import collect
from bulk_topup.cli.options.pace import rate_option
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.screens.long_table import print_table
from bulk_topup.cli.screens.questions import shown_asking
from bulk_topup.domain.answer_ages import AnswerAges, ages_of
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.money import format_amount, format_money, format_plain, with_texts
from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.pagination import Pages
from bulk_topup.dvs.unreadable import UnreadableEntry
from bulk_topup.engine.gc_thresholds import rare_gc
from bulk_topup.security.formulas import csv_text
from bulk_topup.security.terminal_text import printable

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
Row = Callable[[Model], Iterable[object]]

#: The error's sentence where a signal ends a fetch.
INTERRUPTED = "Interrupted before DVS responded."


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryOptions:
    """Where a command fetches from, and how it prints the response."""

    provider: ProviderArguments
    #: Most requests per second; None for what DVS allows.
    rate: float | None
    as_json: bool
    as_csv: bool

    def money(self, amount: Decimal, unit: str | None) -> str:
        """Return an amount with its currency, for people, or in plain notation for CSV."""
        return f"{format_plain(amount)} {unit}" if self.as_csv or unit is None else format_money(amount, unit)

    def amount(self, amount: Decimal, unit: str) -> str:
        """Return an amount of a currency without it, for people, or in plain notation for CSV."""
        return format_plain(amount) if self.as_csv else format_amount(amount, unit)


query_options = collect(
    "query",
    QueryOptions,
    provider_options,
    rate_option,
    cloup.option("--json", "as_json", is_flag=True, help="Print JSON."),
    cloup.option("--csv", "as_csv", is_flag=True, help="Print CSV."),
)


def print_query(
    query: QueryOptions,
    fetch: Callable[[AsyncDVS], Awaitable[Sequence[Model]]],
    headings: Sequence[str],
    row: Row[Model],
    *,
    unbroken: Collection[str] = (),
    interrupted: str = INTERRUPTED,
) -> None:
    """Fetch from DVS and print the response.

    Args:
        query: the command's options.
        fetch: fetches the items.
        headings: the columns of the table and of the CSV file.
        row: returns the cells of an item.
        unbroken: columns of the table that are never wrapped.
        interrupted: the error's sentence where a signal ends the fetch.
    """
    if query.as_json and query.as_csv:
        raise click.UsageError("Choose --json or --csv.")
    unreadable: list[UnreadableEntry] = []

    async def fetch_and_note(dvs: AsyncDVS) -> Sequence[Model]:
        found = await fetch(dvs)
        unreadable.extend(dvs.unreadable.kept)
        return found

    # Many objects are created, and none of them is garbage: to look for it takes as long as all the rest.
    with rare_gc():
        items = fetch_or_exit(query.provider, fetch_and_note, rate=query.rate, interrupted=interrupted)
        _print(query, items, unreadable, headings, row, unbroken)


def _print(
    query: QueryOptions,
    items: Sequence[Model],
    unreadable: Iterable[UnreadableEntry],
    headings: Sequence[str],
    row: Row[Model],
    unbroken: Collection[str],
) -> None:
    """Print items as the options say."""
    if query.as_json:
        # By the names of the provider, such as "class"; entries that could not be read come last.
        values = [with_texts(item.model_dump(by_alias=True)) for item in items]
        click.echo(codec.encode([*values, *({"unreadable": entry.as_json()} for entry in unreadable)]))
    elif query.as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(headings)
        writer.writerows([csv_text("" if cell is None else str(cell)) for cell in row(item)] for item in items)
    else:
        print_table(Console(emoji=False), headings, map(row, items), unbroken=unbroken)


def fetch_or_exit(
    provider: ProviderArguments,
    fetch: Callable[[AsyncDVS], Awaitable[T]],
    *,
    rate: float | None = None,
    interrupted: str = INTERRUPTED,
) -> T:
    """Return what DVS responds; exit with an error's code.

    Args:
        provider: where to fetch from.
        fetch: fetches with an open client.
        rate: most requests per second; None for what DVS allows.
        interrupted: the error's sentence where a signal ends it.
    """
    with exit_on_error():
        options = provider.resolve()

        async def main() -> T:
            clock = command_clock()
            async with open_client(options, rate=rate, clock=clock) as dvs:
                account = payer_of(options, dvs, same_account=False).account
                click.echo(f"{printable(account_line(options, account))} {client_rate(dvs)}", err=True)
                show_notices(dvs, clock)
                return await fetch(dvs)

        return run_async(main(), interrupted=interrupted)


async def ask_catalogue(
    provider: ProviderArguments,
    dvs: AsyncDVS,
    max_age: timedelta | None,
    ask: Callable[[Catalogue], Awaitable[T]],
    *,
    ages: AnswerAges | None = None,
) -> T:
    """Return what a catalogue has, with the answers that the ledger keeps; say so if one is used.

    Args:
        provider: the environment and the ledger.
        dvs: an open client.
        max_age: how old an answer may be; None for the default.
        ask: asks the catalogue.
        ages: how old each kind of answer may be, in place of `max_age`; None for that alone.
    """
    with (
        shown_asking() as on_progress,
        open_catalogue(
            provider.resolve(), dvs, ages=ages or ages_of(max_age), clock=command_clock(), on_progress=on_progress
        ) as catalogue,
    ):
        found = await ask(catalogue)
        if (oldest := catalogue.oldest_kept) is not None:
            text = f"As DVS answered on {oldest:%Y-%m-%d %H:%M} UTC or later. To ask again, add --max-age 0."
            click.echo(text, err=True)
        return found


async def fetch_all(pages: Pages[T]) -> list[T]:
    """Return all items of all pages."""
    return [item async for item in pages]


def is_production(query: QueryOptions) -> bool:
    """Return True if the command runs in production."""
    return query.provider.environment is Environment.PRODUCTION
