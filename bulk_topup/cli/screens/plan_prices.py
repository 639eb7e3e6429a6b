"""The lines of a plan about products whose price changed since the job's latest run."""

from collections.abc import Iterator, Sequence
from typing import Final

from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.price_changes import PriceChange

#: Products that are named.
MAX_NAMED: Final = 5


def price_lines(changes: Sequence[PriceChange]) -> Iterator[str]:
    """Yield lines of markup about changed prices: the first ones, and how many more there are."""
    for change in changes[:MAX_NAMED]:
        yield f"  [yellow]Price changed. {escape_markup(change)}[/]"
    if (more := len(changes) - MAX_NAMED) > 0:
        verb = "1 more product has" if more == 1 else f"{more:,} more products have"
        yield f"  [yellow]{verb} other prices than in run {escape_markup(changes[0].run)}.[/]"
