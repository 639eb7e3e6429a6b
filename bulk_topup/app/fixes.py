"""The fix for an error, as commands to type; pure."""

from bulk_topup.dvs import NoResponseError, NotFoundError, ServerError, TooManyRequestsError, UnauthorizedError
from bulk_topup.errors import BulkTopupError

_FIXES: tuple[tuple[type[BulkTopupError], str], ...] = (
    (
        UnauthorizedError,
        "Check DVS_API_KEY and DVS_API_SECRET, and that they belong to this --env; `bulk-topup doctor` looks at each.",
    ),
    (NotFoundError, "Name one that this account and --env have; the commands that list things show them."),
    (TooManyRequestsError, "Wait until other runs have ended, or state a lower --rate."),
    (ServerError, "Wait a little; `bulk-topup doctor` says when the provider answers again."),
    (NoResponseError, "`bulk-topup doctor` says where the way to the provider ends."),
)


def with_fix(error: BulkTopupError) -> str:
    """Give an error's sentence and what to do about it; those of the client, which knows no commands, have none."""
    cure = next((cure for kind, cure in _FIXES if isinstance(error, kind)), "")
    return f"{str(error).rstrip('.')}. {cure}" if cure else str(error)
