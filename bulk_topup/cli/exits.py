"""From what went wrong to the exit code and the one sentence that a user sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from bulk_topup.dvs import (
    DVSError,
    NoResponseError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.errors import (
    ApprovalError,
    BalanceTooLowError,
    BulkTopupError,
    GuardError,
    InterruptedRunError,
    JobError,
    ListError,
    MappingError,
    RowsRefusedError,
    RunLockedError,
)
from bulk_topup.printable import printable
from bulk_topup.redaction import without_secrets

USAGE = 2
NOT_ACCEPTABLE = 3
STOPPED_BY_PROVIDER = 4
HELD_BY_ANOTHER = 5
RESUME_ME = 75

#: Characters of an error that are shown: whatever is wrong a thousand times is understood after some.
SHOWN_CHARACTERS: Final = 6_000

_CODES: tuple[tuple[type[BulkTopupError], int], ...] = (
    (ListError, NOT_ACCEPTABLE),
    (MappingError, NOT_ACCEPTABLE),
    (JobError, NOT_ACCEPTABLE),
    (RowsRefusedError, NOT_ACCEPTABLE),
    (GuardError, NOT_ACCEPTABLE),
    (ApprovalError, NOT_ACCEPTABLE),
    (BalanceTooLowError, STOPPED_BY_PROVIDER),
    (DVSError, STOPPED_BY_PROVIDER),
    (RunLockedError, HELD_BY_ANOTHER),
    (InterruptedRunError, RESUME_ME),
)


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


def code_for(error: BulkTopupError) -> int:
    """Give the exit code of an error; what has none of its own is a matter of usage."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), USAGE)


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
        raise click.exceptions.Exit(code_for(error)) from error
