"""The options that say which rows of a list are paid, and where they start."""

from typing import Final

import click
import cloup

from bulk_topup.cli.options.groups import LIST

#: The values of `HiddenRows`, whose import is too heavy for a help text.
HIDDEN_ROWS: Final = ("leave-out", "pay")


#: How the rows of any list are read.
READ_ROWS: Final = (
    cloup.option(
        "--header-row",
        group=LIST,
        type=click.IntRange(min=1),
        metavar="N",
        help="Line, or row of the sheet, that has the column names.  [default: the first, or the one below titles]",
    ),
    cloup.option(
        "--filter",
        "filters",
        group=LIST,
        metavar="CONDITION",
        multiple=True,
        help="Pay only rows that meet it, e.g. 'status = paid', 'status != paid' or 'status is blank'; repeatable. "
        "The run keeps it.",
    ),
    cloup.option(
        "--hidden-rows",
        group=LIST,
        type=click.Choice(HIDDEN_ROWS),
        help="XLSX: whether rows that are hidden, filtered out or struck through are paid. The run keeps it.",
    ),
)

keep_option = cloup.option(
    "--keep",
    group=LIST,
    type=click.Choice(["first"]),
    help="Leave out the later ones of rows that are the same in all columns that are used. The run keeps it.",
)
