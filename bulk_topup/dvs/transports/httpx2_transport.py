"""Send HTTP with httpx2, in pure Python: the slowest transport, and the easiest to debug."""

from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx2

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


class Httpx2Transport(HTTPTransport):
    """A transport over `httpx2.AsyncClient`."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        limits = httpx2.Limits(
            max_connections=account.connections,
            max_keepalive_connections=account.connections,
            keepalive_expiry=KEEP_ALIVE,
        )
        self._client = httpx2.AsyncClient(
            limits=limits,
            # For connecting only; `send` limits the whole exchange.
            timeout=httpx2.Timeout(None, connect=CONNECT_TIMEOUT),
            verify=tls_context(),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # no cookie is kept
            follow_redirects=False,  # credentials never follow to another host
            proxy=proxy_for(account.base_url),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HTTPResponse:
        request = self._client.build_request(method, url, content=body, headers=headers)
        response = await self._client.send(request, stream=True)
        try:
            content = Body(response.headers.get("content-encoding"))
            async for chunk in response.aiter_raw():
                content.add(chunk)
        finally:
            await response.aclose()
        return HTTPResponse(status_code=response.status_code, headers=response.headers, body=content.read())
