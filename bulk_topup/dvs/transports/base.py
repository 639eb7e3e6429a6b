"""Define what all transports share: a request returns a response or raises NoResponseError; sends nothing itself.

A transport is one HTTP client behind `Transport`, in a module of its own. Each sends a request once: nothing is
repeated, no redirect is followed, and anything but a response means that the outcome is unknown.
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

#: Seconds to wait for a connection; the timeout for the response is the caller's.
CONNECT_TIMEOUT: Final = 10.0
#: Seconds that an idle connection is kept open: the provider must not be the first to close it.
KEEP_ALIVE: Final = 5.0
#: Most bytes of a response's body, uncompressed: a page of a hundred products has a tenth of it.
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
#: zlib's window bits for gzip.
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, kw_only=True, slots=True)
class HTTPRequest:
    """A request; it can be sent several times."""

    method: str
    #: The path below the base URL.
    path: str
    params: Params | None = None
    #: JSON.
    body: bytes | None = None
    #: Preferred languages, as in `Accept-Language`.
    language: str | None = None
    #: Seconds to wait for the response, instead of the transport's.
    timeout: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HTTPResponse:
    """A response; header names are in lower case."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes


class UnusableBodyError(Exception):
    """The body of a response is too large, or its encoding is not supported."""


class Transport(Protocol):
    """The interface of a transport for the client."""

    async def __aenter__(self) -> Self:
        """Open the transport, in the event loop that uses it."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        ...

    async def send(self, request: HTTPRequest) -> HTTPResponse:
        """Send one request once and return its response, whatever its status.

        Raises:
            NoResponseError: there is no response; the provider may have accepted the request.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The address and the API credentials of requests (reference: Authentication)."""

    #: Address up to and with `/v1`; https, or http on a loopback address.
    base_url: str
    #: User name and password of basic auth.
    api_key: str = field(repr=False)
    api_secret: SecretStr
    #: Seconds to wait for a response, from the first byte sent to the last one received.
    timeout: float
    #: Most open connections.
    connections: int
    #: The `User-Agent` header.
    user_agent: str


class HTTPTransport(ABC):
    """The base of transports: limits connections and time, and turns errors into NoResponseError.

    Args:
        account: the address and the API credentials.

    Raises:
        ConfigurationError: the base URL or the environment's proxy can't be used.
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
        # Limited here and not by the HTTP client's own pool, so that no timeout counts the wait for a connection.
        self._slots = asyncio.Semaphore(account.connections)

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open the transport, in the event loop that uses it."""

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""

    async def send(self, request: HTTPRequest) -> HTTPResponse:
        """Send one request once and return its response, whatever its status.

        Raises:
            NoResponseError: there is no response; the provider may have accepted the request.
        """
        url = f"{self._base_url}{request.path}"
        if request.params:
            url = f"{url}?{urlencode(request.params)}"
        headers = self._headers
        if request.body is not None:
            headers = headers | {"Content-Type": "application/json"}
        if request.language is not None:
            headers = headers | {"Accept-Language": request.language}
        seconds = self._timeout if request.timeout is None else request.timeout
        try:
            # The timeouts of HTTP clients apply to one read each: a byte a second would never reach them.
            async with self._slots, asyncio.timeout(seconds):
                response = await self._exchange(request.method, url, headers, request.body)
        except Exception as error:  # whatever its class: without a response the outcome is unknown
            raise NoResponseError(
                f"No response from DVS to {request.method} {request.path}: {_describe(error)}"
            ) from error
        _log.info("HTTP Request: %s %s %d", request.method, url, response.status_code)
        return response

    @abstractmethod
    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HTTPResponse:
        """Send a request once and return its response; if that is cancelled or fails, close its connection.

        Args:
            method: HTTP method.
            url: the whole URL, quoted.
            headers: all headers but those of the connection itself.
            body: JSON, or None.
        """


class Body:
    """The body of a response while it arrives, uncompressed up to its bound.

    Args:
        encoding: its `Content-Encoding`; None if it has none.

    Raises:
        UnusableBodyError: the encoding is not gzip.
    """

    def __init__(self, encoding: str | None) -> None:
        name = (encoding or "identity").strip().lower()
        if name not in {"identity", "gzip"}:
            raise UnusableBodyError(f'the body is packed as "{name[:20]}", and only gzip was requested')
        self._decompressor = zlib.decompressobj(_GZIP) if name == "gzip" else None
        self._bytes = bytearray()
        self._is_empty = True

    def add(self, chunk: bytes | memoryview) -> None:
        """Add the next bytes.

        Raises:
            UnusableBodyError: the body is too large.
        """
        if not chunk:
            return
        self._is_empty = False
        room = MAX_BODY_BYTES + 1 - len(self._bytes)
        self._bytes += chunk if self._decompressor is None else self._decompressor.decompress(chunk, room)
        if len(self._bytes) > MAX_BODY_BYTES:
            raise UnusableBodyError(f"the body has more than {MAX_BODY_BYTES} bytes")

    def read(self) -> bytes:
        """Return the whole body.

        Raises:
            UnusableBodyError: the compressed body is incomplete.
        """
        if self._decompressor is not None and not self._is_empty and not self._decompressor.eof:
            raise UnusableBodyError("the packed body is cut off")
        return bytes(self._bytes)


def tls_context() -> ssl.SSLContext:
    """Return the context for TLS 1.2 and later, with the trust of `SSL_CERT_FILE`, `SSL_CERT_DIR` or the system."""
    import httpx2  # here, since it loads slowly and not every command sends anything

    context = httpx2.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def proxy_for(base_url: str) -> str | None:
    """Return the environment's proxy for an address (`HTTPS_PROXY`, `ALL_PROXY`, not `NO_PROXY`), or None.

    A loopback address, the only kind allowed without https, never has one.

    Raises:
        ConfigurationError: the proxy's scheme is not supported.
    """
    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if parts.scheme == "http" or not proxy or proxy_bypass(parts.netloc):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(proxy).scheme not in {"http", "https"}:
        raise ConfigurationError("The environment's proxy is not an http:// address. Set another one, or none.")
    return proxy


def check_base_url(base_url: str) -> None:
    """Raise ConfigurationError unless the address is https, or http on a loopback address."""
    parts = urlsplit(base_url)
    if parts.username or parts.password:
        raise ConfigurationError(
            "The base URL contains a user name or password. Set DVS_API_KEY and DVS_API_SECRET instead."
        )
    if not parts.hostname or parts.scheme not in {"https", "http"}:
        raise ConfigurationError(f'"{base_url}" is not a base URL. Write it like https://dvs-api.dtone.com/v1.')
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(f'"{base_url}" is not encrypted. Use https; only loopback addresses may use http.')


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
