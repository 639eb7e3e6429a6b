"""The options of a decision that rows are others than those that they look like."""

from __future__ import annotations  # the decision is heavy to import, and only named here

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import cloup

from bulk_topup.cli.options.groups import LIST, collect
from bulk_topup.cli.options.list import parse_lines
from bulk_topup.cli.options.reason import parse_reason

if TYPE_CHECKING:
    from bulk_topup.domain.not_the_same import NotTheSame


@dataclass(frozen=True, kw_only=True, slots=True)
class NotTheSameOptions:
    """Lines of the list whose rows are others than those that they are refused for, and why."""

    not_the_same: frozenset[int]
    reason: str | None

    def decision(self, *, is_scheduled: bool = False) -> NotTheSame | None:
        """Return the decision of the command line; None if it has none.

        Args:
            is_scheduled: whether a schedule starts the command, and not a person who has seen the rows.
        """
        from bulk_topup.approvals.approval import user_name
        from bulk_topup.domain.not_the_same import NotTheSame

        if not self.not_the_same and self.reason is None:
            return None
        if is_scheduled:
            raise click.UsageError("--not-the-same is a decision about rows of one list. Remove it or --scheduled.")
        if self.reason is None:
            raise click.UsageError("--not-the-same needs a reason. Add --reason TEXT.")
        if not self.not_the_same:
            raise click.UsageError("--reason is for --not-the-same. Add it, with the lines that it is about.")
        return NotTheSame(lines=self.not_the_same, reason=self.reason, by=user_name())


def _parse_lines(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> frozenset[int]:
    return parse_lines(context, option, ",".join(texts))


not_the_same_options = collect(
    "different",
    NotTheSameOptions,
    cloup.option(
        "--not-the-same",
        group=LIST,
        multiple=True,
        callback=_parse_lines,
        metavar="LINES",
        help="Lines, e.g. 5,7-9, of possible duplicates that are others than the rows they are refused for. The ledger "
        "keeps this, so that later lists are not asked again.",
    ),
    cloup.option("--reason", group=LIST, callback=parse_reason, metavar="TEXT", help="Why; kept in the ledger."),
)
