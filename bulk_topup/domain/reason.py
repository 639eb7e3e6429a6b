"""Check the reasons that people give for decisions, which the ledger keeps; pure."""

from typing import Final

#: Most characters of a reason.
MAX_REASON: Final = 1_000


def checked_reason(text: str) -> str:
    """Return a reason with single spaces, on one line.

    Raises:
        ValueError: it is empty, too long, or has invisible characters.
    """
    reason = " ".join(text.split())
    if not reason:
        raise ValueError("The reason is empty. Write why, and who said so.")
    if len(reason) > MAX_REASON:
        raise ValueError(f"The reason has more than {MAX_REASON:,} characters. Refer to a ticket instead.")
    if not reason.isprintable():
        raise ValueError("The reason has invisible characters. Remove them.")
    return reason
