"""From what went wrong to the exit code and the one sentence that a user sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from bulk_topup.domain.exit_codes import exit_meaning
from bulk_topup.dvs import (
    NoResponseError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.errors import BulkTopupError
from bulk_topup.security.redaction import without_secrets
from bulk_topup.security.terminal_text import printable

#: Characters of an error that are shown: whatever is wrong a thousand times is understood after some.
SHOWN_CHARACTERS: Final = 6_000

_CURES: tuple[tuple[type[BulkTopupError], str], ...] = (
    (
        UnauthorizedError,
        "Check DVS_API_KEY and DVS_API_SECRET, and that they belong to this --env; `bulk-topup doctor` looks at each.",
    ),
    (NotFoundError, "Name one that this account and --env have; the commands that list things show them."),
    (TooManyRequestsError, "Wait until other runs have ended, or state a lower --rate."),
    (ServerError, "Wait a little; `bulk-topup doctor` says when the provider answers again."),
    (NoResponseError, "`bulk-topup doctor` says where the way to the provider ends."),
)


def with_cure(error: BulkTopupError) -> str:
    """Give an error's sentence and what to do about it; those of the client, which knows no commands, have none."""
    cure = next((cure for kind, cure in _CURES if isinstance(error, kind)), "")
    return f"{str(error).rstrip('.')}. {cure}" if cure else str(error)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn our own errors into one line on standard error and their exit code; others stay what they are."""
    try:
        yield
    except BulkTopupError as error:
        text = without_secrets(with_cure(error))
        cut = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
        click.echo("Error: " + printable(cut, keep="\n"), err=True)
        raise click.exceptions.Exit(exit_meaning(error)) from error
