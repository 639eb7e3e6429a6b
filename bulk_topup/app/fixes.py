"""The fix for an error of the DVS client, as commands to type; pure."""

from bulk_topup.dvs import (
    InvalidResponseError,
    NoResponseError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
    WaitTooLongError,
)
from bulk_topup.errors import BulkTopupError

_FIXES: tuple[tuple[type[BulkTopupError], str], ...] = (
    (
        UnauthorizedError,
        "Check DVS_API_KEY and DVS_API_SECRET, and that they belong to this --env. `bulk-topup doctor` checks each.",
    ),
    (
        NotFoundError,
        "Choose one that this account and --env have. `bulk-topup --help` names the commands that list them.",
    ),
    (WaitTooLongError, "Run again later, or allow more with --max-wait."),
    (TooManyRequestsError, "Wait until other runs have ended, or add a lower --rate."),
    (ServerError, "Wait a few minutes. `bulk-topup doctor` shows when DVS responds again."),
    (NoResponseError, "`bulk-topup doctor` shows where the connection to DVS fails."),
    (
        InvalidResponseError,
        "A proxy or a wrong --base-url may have answered. `bulk-topup doctor` checks the connection.",
    ),
)


def with_fix(error: BulkTopupError) -> str:
    """Return an error's message with its fix; messages of the DVS client, which knows no commands, have none."""
    fix = next((fix for class_, fix in _FIXES if isinstance(error, class_)), "")
    return f"{str(error).rstrip('.')}. {fix}" if fix else str(error)
