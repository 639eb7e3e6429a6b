"""A server whose connections are bounded in number and time, so that strangers can't use up a run's open files.

A connection that is not accepted yet has no descriptor here: it waits in the system's queue.

Real time because it bounds waits for sockets.
"""

import asyncio
import socket
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bulk_topup.errors import ConfigurationError
from bulk_topup.system.asgi_server import ReadyServer, listen, server_config
from bulk_topup.system.waits import cancel_all

#: Most connections at once. When there are more, the oldest one without a complete head is dropped.
MAX_CONNECTIONS: Final = 64
#: Seconds until a connection's first request has a complete head, with the TLS handshake.
HEAD_TIMEOUT: Final = 10.0
#: Seconds that a connection lasts after that.
LIFETIME: Final = 30.0
#: Seconds until the next try where the process has no descriptor left.
_ACCEPT_PAUSE: Final = 0.5


class _Protocol(HttpToolsProtocol):
    """Tells when the first head is complete, and when the connection has ended."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_head = asyncio.Event()
        self.is_lost = asyncio.Event()

    def on_headers_complete(self) -> None:
        """Note that the head is complete."""
        super().on_headers_complete()
        self.has_head.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection has ended."""
        super().connection_lost(exc)
        self.is_lost.set()
        self.has_head.set()


class BoundedServer(ReadyServer):
    """A server that accepts connections itself, each only when there is room for it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        #: Connections, and those among them without a complete head, the oldest first.
        self._all: set[asyncio.Task[None]] = set()
        self._without_head: dict[asyncio.Task[None], None] = {}
        self._accepting = []
        await super().startup([])
        for listener in sockets or []:
            listener.setblocking(False)
            self._accepting.append(asyncio.create_task(self._accept_connections(listener)))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to accept, then end the connections."""
        await cancel_all(self._accepting)
        await super().shutdown(sockets)
        await cancel_all(self._all)

    async def _accept_connections(self, listener: socket.socket) -> None:
        while True:
            while len(self._all) >= MAX_CONNECTIONS:
                if self._without_head:
                    next(iter(self._without_head)).cancel()
                await asyncio.wait(self._all, return_when=asyncio.FIRST_COMPLETED)
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            except OSError:
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            task = asyncio.create_task(self._serve_connection(connection))
            self._all.add(task)
            self._without_head[task] = None
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._all.discard(task)
        self._without_head.pop(task, None)
        if not task.cancelled():
            task.exception()  # of a stranger's connection, which says nothing to anyone

    async def _serve_connection(self, connection: socket.socket) -> None:
        protocol: _Protocol | None = None
        try:
            async with asyncio.timeout(HEAD_TIMEOUT):
                _, protocol = await asyncio.get_running_loop().connect_accepted_socket(
                    self._create_protocol, connection, ssl=self.config.ssl
                )
                await protocol.has_head.wait()
            if (task := asyncio.current_task()) is not None:
                self._without_head.pop(task, None)
            async with asyncio.timeout(LIFETIME):
                await protocol.is_lost.wait()
        finally:
            if protocol is not None and not protocol.is_lost.is_set():
                protocol.transport.abort()
                await protocol.is_lost.wait()
            connection.close()

    def _create_protocol(self) -> _Protocol:
        return _Protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """The address that a server listens on."""

    #: Host name or IP address.
    host: str
    #: 0 for any free port.
    port: int
    #: Certificate and key for HTTPS, as PEM files; None for HTTP.
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """The URL of the address, without a path."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class Serving:
    """A bounded server in a thread that runs while its context is entered: `with Serving(app, address) as serving`.

    Args:
        app: the ASGI application.
        address: the address to listen on.

    Raises:
        ConfigurationError: on entering, if the address or the certificate can't be used.
        PortInUseError: on entering, if another process uses the port.
    """

    def __init__(self, app: Any, address: Address) -> None:  # noqa: ANN401 - any ASGI application
        self._app = app
        self._address = address
        self._port = address.port

    @property
    def url(self) -> str:
        """The address without a path."""
        return replace(self._address, port=self._port).url

    def __enter__(self) -> Self:
        config = server_config(
            self._app,
            headers=[("Connection", "close")],
            ssl_certfile=self._address.certificate,
            ssl_keyfile=self._address.key,
        )
        try:
            config.load()
        except OSError as error:
            raise ConfigurationError(f"Can't use the certificate or its key: {error}.") from None
        listener = listen(self._address.host, self._address.port)
        self._port = listener.getsockname()[1]
        self._server = BoundedServer(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="server", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join()
