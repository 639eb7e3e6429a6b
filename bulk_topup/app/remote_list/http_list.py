"""Fetches a list by HTTPS, or by HTTP from this machine; sends GET requests to the list's own host alone."""

from typing import Final
from urllib.parse import urljoin, urlsplit

from bulk_topup.__version__ import __version__
from bulk_topup.app.remote_list.chunks import BoundedFile
from bulk_topup.domain.list_address import shown_address
from bulk_topup.errors import ListError

#: Seconds without a byte after which the list's host is taken to hang.
IDLE_SECONDS: Final = 30.0
#: Maximum redirects that are followed.
MAX_REDIRECTS: Final = 5
_FIXES: Final = {
    401: "Check the credentials in the address.",
    403: "Check the credentials in the address; signed addresses expire.",
    404: "Check the address.",
    410: "Check the address; signed addresses expire.",
}


async def fetch_by_http(address: str, file: BoundedFile) -> None:
    """Write the list at an address to a file.

    A redirect is followed on the same host only: another host could answer with another list, and must not get the
    credentials of this one.

    Raises:
        ListError: the host can't be reached, refuses, redirects elsewhere, or ends before the list is complete.
    """
    import httpx2  # slow to import, and most lists are files

    shown, url = shown_address(address), address
    async with httpx2.AsyncClient(
        timeout=IDLE_SECONDS,
        follow_redirects=False,
        headers={"User-Agent": f"bulk-topup/{__version__}", "Accept-Encoding": "identity"},
    ) as client:
        try:
            for _ in range(MAX_REDIRECTS + 1):
                async with client.stream("GET", url) as response:
                    if response.has_redirect_location:
                        url = _redirected(url, response.headers["Location"], shown)
                        continue
                    if response.status_code != httpx2.codes.OK:
                        fix = _FIXES.get(response.status_code, "Run again later.")
                        raise ListError(f"Can't fetch {shown}: HTTP {response.status_code}. Nothing was sent. {fix}")
                    if not {"content-length", "transfer-encoding"} & set(response.headers):
                        raise ListError(
                            f"{shown} comes without its length, so it is unknown whether it is complete. Nothing was "
                            "sent. Download it, and run the file."
                        )
                    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                        raise ListError(
                            f"{shown} comes compressed although that was not asked for, so it is unknown whether it is "
                            "complete. Nothing was sent. Download it, and run the file."
                        )
                    async for chunk in response.aiter_bytes():
                        file.write(chunk)
                    return
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ListError(
                f"Can't fetch all of {shown}: {type(error).__name__}. Nothing was sent. Check the address and the "
                "network, then run again."
            ) from None
    raise ListError(f"Can't fetch {shown}: more than {MAX_REDIRECTS} redirects. Nothing was sent. Check the address.")


def _redirected(url: str, location: str, shown: str) -> str:
    """Return where a redirect on the same host leads to."""
    try:
        target = urljoin(url, location)
        before, after = urlsplit(url), urlsplit(target)
        is_same = (before.scheme, before.hostname, before.port) == (after.scheme, after.hostname, after.port)
    except ValueError:
        raise ListError(f"{shown} redirects to no valid address. Nothing was sent. Check the address.") from None
    if not is_same:
        raise ListError(
            f"{shown} redirects to another host or scheme, {shown_address(target)}. Nothing was sent. If that is the "
            "list, use its address."
        )
    user = before.netloc.rpartition("@")[0]
    host = after.netloc.rpartition("@")[2]
    return after._replace(netloc=f"{user}@{host}" if user else host).geturl()
