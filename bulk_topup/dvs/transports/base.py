"""What all transports share: a request goes out, and an answer comes back or NoResponseError is raised; sends nothing.

A transport is one HTTP client behind `Transport`, in a module of its own. Whichever it is, it sends a request once:
nothing is repeated, no redirect is followed, and whatever happens instead of an answer means that nobody knows.
"""

import asyncio
import ipaddress
import logging
import ssl
import zlib
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from pydantic import SecretStr

from bulk_topup.dvs.errors import NoResponseError
from bulk_topup.errors import ConfigurationError
from bulk_topup.security.redaction import register_credentials

_log = logging.getLogger(__name__)

#: Query parameters.
Params = Mapping[str, str]

#: Seconds to wait for a connection; the time-out for the answer is the caller's.
CONNECT_TIMEOUT: Final = 10.0
#: Seconds that a connection is kept open without a request: the provider's side must not be the first to close it.
KEEP_ALIVE: Final = 5.0
#: Bytes of an answer's body that are read, unpacked: a page of a hundred products has a tenth of it.
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
#: Says to zlib that what comes is gzip.
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, kw_only=True, slots=True)
class HTTPRequest:
    """What goes out; the same call can be sent several times."""

    method: str
    #: Below the base URL.
    path: str
    params: Params | None = None
    #: JSON.
    body: bytes | None = None
    #: Preferred languages, as `Accept-Language` takes them.
    language: str | None = None
    #: Seconds to wait for the answer, instead of the transport's.
    timeout: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HTTPResponse:
    """What came back: header names in lower case."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes


class UnusableBodyError(Exception):
    """The body of an answer is too large, or not packed as it was asked for."""


class Transport(Protocol):
    """What the client needs of a transport."""

    async def __aenter__(self) -> Self:
        """Open it, in the event loop that it is used in."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        ...

    async def send(self, call: HTTPRequest) -> HTTPResponse:
        """Send one request once and give its answer, whatever its status.

        Raises:
            NoResponseError: anything else happened; the provider may have taken the request.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Where requests go, and on whose behalf (reference: Authentication)."""

    #: Address up to and with `/v1`; https, or http on a loopback address.
    base_url: str
    #: User name and password of the basic auth.
    api_key: str = field(repr=False)
    api_secret: SecretStr
    #: Seconds to wait for an answer, from the first byte sent to the last one received.
    timeout: float
    #: How many connections may be open at once.
    connections: int
    #: What to call ourselves.
    user_agent: str


class HTTPTransport(ABC):
    """A transport but for the exchange itself: gives out places, keeps time, and tells errors from answers.

    Args:
        account: where requests go.

    Raises:
        ConfigurationError: the base URL, or the proxy that the environment names for it, is not usable.
    """

    def __init__(self, account: Account) -> None:
        check_base_url(account.base_url)
        secret = account.api_secret.get_secret_value()
        register_credentials(account.api_key, secret)
        pair = b64encode(f"{account.api_key}:{secret}".encode()).decode("ascii")
        self._base_url = account.base_url.rstrip("/")
        self._headers = {
            "User-Agent": account.user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": f"Basic {pair}",
        }
        self._timeout = account.timeout
        # Places are given out here and not by the client's own pool, so that no time-out counts the wait for one.
        self._places = asyncio.Semaphore(account.connections)

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open it, in the event loop that it is used in."""

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""

    async def send(self, call: HTTPRequest) -> HTTPResponse:
        """Send one request once and give its answer, whatever its status.

        Raises:
            NoResponseError: anything else happened; the provider may have taken the request.
        """
        url = f"{self._base_url}{call.path}"
        if call.params:
            url = f"{url}?{urlencode(call.params)}"
        headers = self._headers
        if call.body is not None:
            headers = headers | {"Content-Type": "application/json"}
        if call.language is not None:
            headers = headers | {"Accept-Language": call.language}
        seconds = self._timeout if call.timeout is None else call.timeout
        try:
            # The clients' own time-outs are for one read each: a byte a second would never meet them.
            async with self._places, asyncio.timeout(seconds):
                answer = await self._exchange(call.method, url, headers, call.body)
        except Exception as error:  # whatever its class: without an answer the outcome is unknown
            raise NoResponseError(f"No answer from DVS to {call.method} {call.path}: {_describe(error)}") from error
        _log.info("HTTP Request: %s %s %d", call.method, url, answer.status_code)
        return answer

    @abstractmethod
    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HTTPResponse:
        """Send a request once and read its answer; when that is cancelled, or fails, its connection is not used again.

        Args:
            method: HTTP method.
            url: the whole address, quoted as it is to be sent.
            headers: all that is to be sent beside those that the connection itself needs.
            body: JSON; None for none.
        """


class Body:
    """An answer's body while it arrives: unpacked, and no further than its bound whatever it claims to be.

    Args:
        packing: its `Content-Encoding`; None where it has none.

    Raises:
        UnusableBodyError: it is packed as nobody asked for.
    """

    def __init__(self, packing: str | None) -> None:
        name = (packing or "identity").strip().lower()
        if name not in {"identity", "gzip"}:
            raise UnusableBodyError(f'the body is packed as "{name[:20]}", and only gzip was asked for')
        self._unpacker = zlib.decompressobj(_GZIP) if name == "gzip" else None
        self._bytes = bytearray()
        self._is_empty = True

    def add(self, chunk: bytes | memoryview) -> None:
        """Take in what came.

        Raises:
            UnusableBodyError: it is too much.
        """
        if not chunk:
            return
        self._is_empty = False
        room = MAX_BODY_BYTES + 1 - len(self._bytes)
        self._bytes += chunk if self._unpacker is None else self._unpacker.decompress(chunk, room)
        if len(self._bytes) > MAX_BODY_BYTES:
            raise UnusableBodyError(f"the body has more than {MAX_BODY_BYTES} bytes")

    def whole(self) -> bytes:
        """Give all of it.

        Raises:
            UnusableBodyError: it ends before its packing does.
        """
        if self._unpacker is not None and not self._is_empty and not self._unpacker.eof:
            raise UnusableBodyError("the packed body is cut off")
        return bytes(self._bytes)


def tls_context() -> ssl.SSLContext:
    """Give the trust of `SSL_CERT_FILE` or `SSL_CERT_DIR`, else the system's, for TLS 1.2 and later."""
    import httpx2  # here, because it takes a while and not every command sends anything

    context = httpx2.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def proxy_for(base_url: str) -> str | None:
    """Give the proxy that the environment names for an address (`HTTPS_PROXY` or `ALL_PROXY`, but for `NO_PROXY`).

    A loopback address, which alone may go without https, is never behind one.

    Raises:
        ConfigurationError: it is one that we cannot talk to.
    """
    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if parts.scheme == "http" or not proxy or proxy_bypass(parts.netloc):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(proxy).scheme not in {"http", "https"}:
        raise ConfigurationError("The environment names a proxy that is not an http:// one; name another, or none.")
    return proxy


def check_base_url(base_url: str) -> None:
    """Raise ConfigurationError unless the address is https, or http on a loopback address."""
    parts = urlsplit(base_url)
    if parts.username or parts.password:
        raise ConfigurationError(
            "The base URL holds a user name or password; give credentials as DVS_API_KEY and DVS_API_SECRET."
        )
    if not parts.hostname or parts.scheme not in {"https", "http"}:
        raise ConfigurationError(f'"{base_url}" is not a base URL; write it like https://dvs-api.dtone.com/v1.')
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(f'"{base_url}" is not encrypted; only a loopback address may be used without https.')


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
