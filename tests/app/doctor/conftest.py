"""A provider that sends one response, over HTTP or TLS, and a fixed clock."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from bulk_topup.dvs import AsyncDVS

#: The time of the fixed clock.
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class StillClock:
    """A clock that never moves."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        del seconds
        await asyncio.sleep(0)


@pytest.fixture
def still_clock() -> StillClock:
    return StillClock()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this process trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return made


@pytest.fixture
def connect() -> Callable[..., AbstractAsyncContextManager[AsyncDVS]]:
    """Return a function that opens a client of a provider that sends one response to every request."""

    @asynccontextmanager
    async def serve(
        status: str = "200 OK",
        *,
        body: str = "[]",
        headers: dict[str, str] | None = None,
        tls: trustme.CA | None = None,
        ends_in: timedelta = timedelta(days=90),
    ) -> AsyncIterator[AsyncDVS]:
        sent = {"Date": "Tue, 24 Nov 2026 12:00:00 GMT", "Content-Length": str(len(body)), **(headers or {})}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in sent.items() if value)]
        response = "\r\n".join([*lines, "", body]).encode()

        async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(response)
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                pass
            finally:
                writer.close()

        context: Any = None
        if tls is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.issue_cert("localhost", "127.0.0.1", not_after=NOW + ends_in).configure_cert(context)
        server = await asyncio.start_server(respond, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        try:
            scheme = "http" if tls is None else "https"
            async with AsyncDVS(f"{scheme}://127.0.0.1:{port}/v1", "key", "test-secret", timeout=10) as dvs:
                yield dvs
        finally:
            server.close()

    return serve
