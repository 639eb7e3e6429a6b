"""Tells a monitor that starts come when they should: a GET at the beginning and the end; one of two places with HTTP.

The provider is talked to in `dvs/` only; what is asked for here is somebody else's, gets nothing of the run but how it
ended, and what it answers means nothing.
"""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from bulk_topup.__version__ import __version__

#: Seconds to wait for one answer, and how often it is tried.
TIMEOUT: Final = 8.0
TRIES: Final = 2
#: What is asked for when a start begins.
START: Final = "start"


def ping(url: str, ending: str) -> str | None:
    """Ask for a URL, with an ending on its path, and give why that failed; None when it was answered.

    Args:
        url: as the monitor gives it.
        ending: `start`, or the exit code as digits; nothing for success.
    """
    import httpx2  # heavy, and most starts ping nobody

    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/{ending}" if ending else parts.path
    asked = urlunsplit(parts._replace(path=path))
    why_not: str | None = None
    for _ in range(TRIES):
        try:
            answer = httpx2.get(asked, timeout=TIMEOUT, headers={"User-Agent": f"bulk-topup/{__version__}"})
        except httpx2.HTTPError as error:
            why_not = type(error).__name__
            continue
        if answer.is_success:
            return None
        why_not = f"it answered HTTP {answer.status_code}"
    return why_not
