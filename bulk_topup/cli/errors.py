"""Turns our errors into the sentence that a user sees and the exit code of the command; prints to standard error."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import click

from bulk_topup.app.fixes import with_fix
from bulk_topup.cli.whole_commands import with_whole_commands
from bulk_topup.domain.exit_codes import exit_code_for
from bulk_topup.errors import BulkTopupError
from bulk_topup.security.redaction import redact_secrets
from bulk_topup.security.terminal_text import printable

#: Most characters of an error that are shown; a list may have the same problem a thousand times.
SHOWN_CHARACTERS: Final = 6_000


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Exit with the code of an error of ours, after its sentence on standard error; other exceptions pass."""
    try:
        yield
    except BulkTopupError as error:
        text = redact_secrets(with_whole_commands(with_fix(error)))
        cut = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
        click.echo("Error: " + printable(cut, keep="\n"), err=True)
        raise click.exceptions.Exit(exit_code_for(error)) from error


def warn(warnings: Iterable[str]) -> None:
    """Write warnings to standard error."""
    for warning in warnings:
        click.echo(f"Warning: {printable(redact_secrets(with_whole_commands(warning)))}", err=True)
