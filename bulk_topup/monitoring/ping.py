"""Pings a heartbeat monitor when a run starts and ends, so that it notices missed runs; sends one HTTP GET.

This is not DVS: the monitor gets the exit code and no data of the run, and its response changes nothing.
"""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from bulk_topup.__version__ import __version__

#: Timeout of one request in seconds, and the number of requests.
TIMEOUT: Final = 8.0
TRIES: Final = 2
#: Suffix of the ping when a run starts.
START: Final = "start"


def ping(url: str, suffix: str) -> str | None:
    """Request a ping URL; return why it failed, or None.

    Args:
        url: the URL of the monitor.
        suffix: last part of the path: `start`, or the exit code as digits; empty for success.
    """
    import httpx2  # slow to import, and most runs send no ping

    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/{suffix}" if suffix else parts.path
    target = urlunsplit(parts._replace(path=path))
    failure: str | None = None
    for _ in range(TRIES):
        try:
            response = httpx2.get(target, timeout=TIMEOUT, headers={"User-Agent": f"bulk-topup/{__version__}"})
        except httpx2.HTTPError as error:
            failure = type(error).__name__
            continue
        if response.is_success:
            return None
        failure = f"HTTP {response.status_code}"
    return failure
