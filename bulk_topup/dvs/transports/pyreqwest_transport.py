"""Send HTTP with pyreqwest."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Self

from pyreqwest.client import ClientBuilder
from pyreqwest.http import HeaderMap
from pyreqwest.proxy import ProxyBuilder

from bulk_topup.dvs.transports.base import (
    CONNECT_TIMEOUT,
    KEEP_ALIVE,
    Account,
    Body,
    HTTPResponse,
    HTTPTransport,
    proxy_for,
)


class PyreqwestTransport(HTTPTransport):
    """A transport over `pyreqwest.client.Client`."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        builder = (
            ClientBuilder()
            .http1_only()
            .follow_redirects(False)  # credentials never follow to another host
            .referer(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .min_tls_version("TLSv1.2")
            .connect_timeout(timedelta(seconds=CONNECT_TIMEOUT))
            .pool_idle_timeout(timedelta(seconds=KEEP_ALIVE))
            .pool_max_idle_per_host(account.connections)
            .no_proxy()
        )
        if proxy := proxy_for(account.base_url):
            builder = builder.proxy(ProxyBuilder.all(proxy))
        self._client = builder.build()

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HTTPResponse:
        builder = self._client.request(method, url).headers(dict(headers))
        if body is not None:
            builder = builder.body_bytes(body)
        async with builder.build_streamed() as response:
            fields = _ascii_headers(response.headers)
            content = Body(fields.get("content-encoding"))
            while (chunk := await response.body_reader.read_chunk()) is not None:
                content.add(memoryview(chunk))
        return HTTPResponse(status_code=response.status, headers=fields, body=content.read())


def _ascii_headers(headers: HeaderMap) -> dict[str, str]:
    """Return headers by their names in lower case, without values that are not ASCII, which pyreqwest can't read."""
    fields = {}
    for name in headers:
        with suppress(ValueError):
            fields[name] = headers[name]
    return fields
