"""Keeps back what a command prints, and gives it to standard error when there is trouble: cron mails only that."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO

import click

from bulk_topup.cli.exits import HELD_BY_ANOTHER


class ToldBefore(click.exceptions.Exit):
    """Ends a start that met trouble which an earlier one has told of already, with the code of that trouble."""


@contextmanager
def quietly(is_quiet: bool) -> Iterator[None]:
    """Print nothing while the block lasts, if so asked; afterwards all of it to standard error, unless all was well.

    A run that another process holds is being looked after, so a start that is one too many says nothing either.
    """
    if not is_quiet:
        yield
        return
    kept = StringIO()
    is_well = False
    try:
        with redirect_stdout(kept), redirect_stderr(kept):
            yield
        is_well = True
    except click.exceptions.Exit as end:
        is_well = end.exit_code in {0, HELD_BY_ANOTHER} or isinstance(end, ToldBefore)
        raise
    finally:
        if not is_well:
            sys.stderr.write(kept.getvalue())
