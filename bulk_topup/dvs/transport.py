"""The one module that sends HTTP: a request goes out, and an answer comes back or NoResponseError is raised."""

import asyncio
import ipaddress
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr

from bulk_topup.dvs.errors import NoResponseError
from bulk_topup.errors import ConfigurationError
from bulk_topup.redaction import hide_key_pair

#: Query parameters.
Params = Mapping[str, str]

#: Seconds to wait for a connection; the time-out for the answer is the caller's.
CONNECT_TIMEOUT = 10.0

#: Bytes of an answer's body that are read, unpacked: a page of a hundred products has a tenth of it.
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
#: Says to zlib that what comes is gzip.
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
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
class Answer:
    """What came back: header names in lower case."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes


class UnusableBodyError(Exception):
    """The body of an answer is too large, or not packed as it was asked for."""


class HTTPTransport:
    """Sends requests below one base URL with basic auth (reference: Authentication).

    Args:
        base_url: address up to and with `/v1`; https, or http on a loopback address.
        api_key: user name of the basic auth.
        api_secret: password of the basic auth.
        timeout: seconds to wait for an answer, from the first byte sent to the last one received.
        connections: how many connections may be open at once.
        user_agent: what to call ourselves.

    Raises:
        ConfigurationError: the base URL is not usable.
    """

    def __init__(
        self, base_url: str, api_key: str, api_secret: SecretStr, *, timeout: float, connections: int, user_agent: str
    ) -> None:
        check_base_url(base_url)
        hide_key_pair(api_key, api_secret.get_secret_value())
        tls = httpx2.create_ssl_context()
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._timeout = timeout
        # Places are given out here and not by the client's own pool, so that no time-out counts the wait for one.
        self._places = asyncio.Semaphore(connections)
        self._client = httpx2.AsyncClient(
            base_url=base_url.rstrip("/"),
            auth=httpx2.BasicAuth(api_key, api_secret.get_secret_value()),
            headers={"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"},
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            verify=tls,
            follow_redirects=False,  # credentials never follow to another host
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def send(self, call: Call) -> Answer:
        """Send one request and give its answer, whatever its status.

        Raises:
            NoResponseError: anything else happened; the provider may have taken the request.
        """
        headers = {}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.language is not None:
            headers["Accept-Language"] = call.language
        seconds = self._timeout if call.timeout is None else call.timeout
        try:
            request = self._client.build_request(
                call.method,
                call.path,
                params=dict(call.params) if call.params else None,
                content=call.body,
                headers=headers,
                timeout=httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds), pool=None),
            )
            # The client's time-outs are for one read each: a byte a second would never meet them.
            async with self._places, asyncio.timeout(seconds):
                response = await self._client.send(request, stream=True)
                try:
                    body = await _body(response)
                finally:
                    await response.aclose()
        except Exception as error:  # whatever its class: without an answer the outcome is unknown
            raise NoResponseError(f"No answer from DVS to {call.method} {call.path}: {_describe(error)}") from error
        return Answer(status_code=response.status_code, headers=response.headers, body=body)


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


async def _body(response: httpx2.Response) -> bytes:
    """Read a body and unpack it, no further than its bound whatever it claims to be."""
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in {"identity", "gzip"}:
        raise UnusableBodyError(f'the body is packed as "{packing[:20]}", and only gzip was asked for')
    unpacker = zlib.decompressobj(_GZIP) if packing == "gzip" else None
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk if unpacker is None else unpacker.decompress(chunk, MAX_BODY_BYTES + 1 - len(body))
        if len(body) > MAX_BODY_BYTES:
            raise UnusableBodyError(f"the body has more than {MAX_BODY_BYTES} bytes")
    if unpacker is not None and response.num_bytes_downloaded and not unpacker.eof:
        raise UnusableBodyError("the packed body is cut off")
    return bytes(body)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
