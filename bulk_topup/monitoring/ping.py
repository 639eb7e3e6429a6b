"""Pings a heartbeat monitor when a run starts and ends, so that it notices missed runs; sends one HTTP GET.

This is not DVS: the monitor gets the exit code and no data of the run, and its response changes nothing. Of the
response only the status is read, and no redirect is followed.
"""

import asyncio
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from bulk_topup.__version__ import __version__

#: Seconds that one request takes at most in all, and the number of requests.
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
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/{suffix}" if suffix else parts.path
    return asyncio.run(_request(urlunsplit(parts._replace(path=path))))


async def _request(url: str) -> str | None:
    """Request a URL until it succeeds, `TRIES` times at most; return why it failed, or None."""
    import httpx2  # slow to import, and most runs send no ping

    failure: str | None = None
    async with httpx2.AsyncClient(
        timeout=TIMEOUT, follow_redirects=False, headers={"User-Agent": f"bulk-topup/{__version__}"}
    ) as client:
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(TIMEOUT), client.stream("GET", url) as response:
                    if response.is_success:
                        return None
                    failure = f"HTTP {response.status_code}"
            except (httpx2.HTTPError, TimeoutError) as error:
                failure = type(error).__name__
    return failure
