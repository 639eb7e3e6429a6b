"""Read the header `Retry-After`: seconds, or a date; pure."""

from collections.abc import Mapping
from datetime import datetime

from bulk_topup.dvs.pagination import header_number
from bulk_topup.dvs.provider_clock import parse_date


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that `Retry-After` asks to wait; None if it is missing or neither a number nor a date.

    Args:
        headers: the headers of a response.
        now: this machine's time, for a date in a response without the provider's own time.
    """
    seconds = header_number(headers, "retry-after")
    if seconds is not None:
        return float(seconds)
    until = parse_date(headers.get("retry-after", ""))
    if until is None:
        return None
    # Both are of the provider's clock, which may differ from ours.
    return max(0.0, (until - (parse_date(headers.get("date", "")) or now)).total_seconds())
