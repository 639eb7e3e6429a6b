"""A provider that responds with any bytes a test sets; its correct responses come from the sandbox."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from bulk_topup.cli import main
from tests.helpers.plain_http import HTTP

#: Writes a response, in parts if needed.
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class HostileProvider:
    """Responds to requests by `rule`; those without a rule go to the sandbox."""

    sandbox: Any
    #: From the first line of a request to bytes, a script that writes them, or None for the sandbox's response.
    rule: Callable[[str], bytes | Script | None] = lambda _line: None
    #: Whether requests with a rule reach the sandbox too, whose response is lost.
    forwards_all: bool = False
    seen: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await _message(reader)
                self.seen.append(request)
                response = self.rule(request.split(b"\r\n", 1)[0].decode())
                if self.forwards_all and response is not None:
                    await self._forward(request)
                if callable(response):
                    await response(writer)
                    break
                writer.write(await self._forward(request) if response is None else response)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()

    async def _forward(self, request: bytes) -> bytes:
        parts = urlsplit(self.sandbox.base_url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(request)
        response = await _message(reader)
        writer.close()
        return response


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = [line.split(b":", 1) for line in head.lower().split(b"\r\n") if b":" in line]
    length = next((int(value) for name, value in fields if name == b"content-length"), 0)
    return head + await reader.readexactly(length)


@pytest.fixture
async def provider(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[HostileProvider]:
    """A hostile provider; with a sandbox behind it only if the test uses the fixture `sandbox`."""
    del anyio_backend
    has_sandbox = "sandbox" in request.fixturenames
    hostile = HostileProvider(request.getfixturevalue("sandbox") if has_sandbox else None)
    server = await asyncio.start_server(hostile.serve, "127.0.0.1", 0)
    hostile.port = server.sockets[0].getsockname()[1]
    yield hostile
    server.close()


@pytest.fixture
def response() -> Callable[..., bytes]:
    """Return a function that writes an HTTP response."""

    def write(status: int, body: bytes = b"", **headers: object) -> bytes:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    return write


@pytest.fixture
def books(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that reads the transactions in the books of the sandbox."""

    def read() -> list[dict[str, Any]]:
        response = HTTP.get(sandbox.books_url, auth=credentials)
        found: list[dict[str, Any]] = response.raise_for_status().json()["transactions"]
        return found

    return read


@pytest.fixture
def pay(
    sandbox: Any, tmp_path: Path, credentials: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Return a function that runs a command in the temporary folder against the sandbox, in this process."""
    monkeypatch.chdir(tmp_path)
    key, secret = credentials
    environment = {"DVS_API_KEY": key, "DVS_API_SECRET": secret, "COLUMNS": "400"}

    def run(*words: object, code: int, ledger: object = "ledger.db") -> Result:
        options = ("--base-url", sandbox.base_url, "--ledger", str(ledger))
        result = CliRunner(env=environment).invoke(main, [*map(str, words), *options])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        assert secret not in result.output
        return result

    return run
