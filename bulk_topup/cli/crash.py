"""Ends a command after an unexpected error: with its traceback, and an exit code that says what was sent."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

#: Whether a command may have sent something that pays.
_STARTED: Final = "bulk_topup.started"


def record_start() -> None:
    """Record that this command may have sent something that pays."""
    if (context := click.get_current_context(silent=True)) is not None:
        context.meta[_STARTED] = True


@contextmanager
def exit_on_crash(context: click.Context) -> Iterator[None]:
    """Exit with a code of ours after an unexpected error in the block, and its traceback on standard error.

    Args:
        context: the context of the command.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort, KeyboardInterrupt, SystemExit):  # all expected
        raise
    except BaseException as error:  # a cancelled task as well; Python would exit with 1, whatever was sent
        from bulk_topup.domain.exit_codes import crash_code

        sys.excepthook(type(error), error, error.__traceback__)
        raise click.exceptions.Exit(crash_code(has_started=_STARTED in context.meta)) from error
