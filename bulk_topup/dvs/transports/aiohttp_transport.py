"""Send HTTP with aiohttp."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from bulk_topup.dvs.transports.base import (
    CONNECT_TIMEOUT,
    KEEP_ALIVE,
    Account,
    Body,
    HTTPResponse,
    HTTPTransport,
    proxy_for,
    tls_context,
)


class MalformedResponseError(Exception):
    """The response is not HTTP."""


class AiohttpTransport(HTTPTransport):
    """A transport over `aiohttp.ClientSession`."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._connections = account.connections
        # The session itself would look these up for each request, in a thread and with the user's .netrc.
        self._proxy = proxy_for(account.base_url)
        self._tls = tls_context() if account.base_url.startswith("https:") else True
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._tls, keepalive_timeout=KEEP_ALIVE),
            # For connecting only; `send` limits the whole exchange.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=["Content-Type"],
            auto_decompress=False,
            proxy=self._proxy,
        )
        # aiohttp would repeat a GET if a kept connection turns out to be closed.
        self._session._retry_connection = False  # noqa: SLF001 - aiohttp has no public switch
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HTTPResponse:
        if self._session is None:
            raise RuntimeError("the transport is not open")
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,  # credentials never follow to another host
            ) as response:
                content = Body(response.headers.get("Content-Encoding"))
                async for chunk in response.content.iter_any():
                    content.add(chunk)
        except aiohttp.ClientResponseError as error:
            problem = f"{error.status}, {error.message}"
        else:
            fields = {name.lower(): value for name, value in response.headers.items()}
            return HTTPResponse(status_code=response.status, headers=fields, body=content.read())
        # Outside the handler: the caught error contains the request's headers, and a log of its chain would show them.
        raise MalformedResponseError(problem)
