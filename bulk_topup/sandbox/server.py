"""Serves the sandbox on a socket, in a thread with its own event loop."""

import asyncio
import logging
import socket
import threading
from types import TracebackType
from typing import Self, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.app import Sandbox
from bulk_topup.sandbox.config import SandboxConfig
from bulk_topup.sandbox.faults import Faults
from bulk_topup.sandbox.http.fault_layer import CONNECTION, FaultLayer
from bulk_topup.sandbox.http.response_writer import ResponseWriter
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.system.asgi_server import ReadyServer, listen, server_config
from bulk_topup.system.clock import Clock, SystemClock

_log = logging.getLogger(__name__)

#: Seconds that an idle connection is kept: longer than clients keep theirs, so that the server never closes one first.
KEEP_ALIVE = 300


class EmbeddedSandbox:
    """A sandbox that serves inside a `with` block: `with EmbeddedSandbox(config) as sandbox: sandbox.base_url`.

    Args:
        config: the account and its behaviour.
        clock: the source of time; the system's clock if None.

    Raises:
        ConfigurationError: a fault restarts it and it has no books; on entering, if the address is in use or the
            books cannot be used.
    """

    def __init__(self, config: SandboxConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._port = config.port
        self._faults = Faults(config.faults, keeps_books=config.books is not None)
        self._stopping = threading.Event()

    @property
    def address(self) -> str:
        """The address without a path."""
        host = self._config.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    @property
    def base_url(self) -> str:
        """The address of the API, up to and with `/v1`."""
        return f"{self.address}/v1"

    @property
    def books_url(self) -> str:
        """The address of the books' export."""
        return f"{self.address}/sandbox/books"

    def __enter__(self) -> Self:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._serve, args=(self._open(),), name="sandbox", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.stop()
        self._thread.join()
        self._provider.close()

    def restart(self) -> None:
        """Restart at the same address; only the books and the faults carry over."""
        self.__exit__(None, None, None)
        self.__enter__()

    def _open(self) -> socket.socket:
        """Bind the address and open the books."""
        listener = listen(self._config.host, self._port)
        try:
            self._provider = Provider(self._config, self._clock)
        except BaseException:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        app = Sandbox(self._config, self._provider, self._clock, self._faults)
        self._server = _Server(app, self._faults, self._clock, self._config.latency)
        return listener

    def _serve(self, listener: socket.socket) -> None:
        """Serve until stopped, and again after each restart that a fault causes."""
        while True:
            self._server.run([listener])
            if self._server.downtime is None:
                return
            self._provider.close()
            if self._stopping.wait(self._server.downtime):
                return
            try:
                listener = self._open()
            except ConfigurationError as error:
                _log.error("The sandbox can't restart: %s", error)
                return
            if self._stopping.is_set():
                self._server.stop()


class _Server(ReadyServer):
    """Serves the sandbox behind its fault layer, and can restart."""

    def __init__(self, app: Sandbox, faults: Faults, clock: Clock, latency: float) -> None:
        self._sandbox = app
        self._layer = FaultLayer(app, faults, clock, self.restart, latency)
        super().__init__(server_config(self._layer, http=_Protocol, timeout_keep_alive=KEEP_ALIVE, date_header=False))
        #: Seconds of downtime before the restart; None if it does not restart.
        self.downtime: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        self._sandbox.start()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, without waiting for faults that wait."""
        self._layer.stop()
        await self._sandbox.stop()
        await super().shutdown(sockets)

    def restart(self, seconds: float) -> None:
        """Accept no more connections, drop the open ones, and stop in order to serve again."""
        self.downtime = seconds
        self.stop()
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _Protocol(HttpToolsProtocol):
    """Gives the application access to the connection of a request, and writes responses as DVS does."""

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"transport": self.transport}}

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        writer = ResponseWriter(self.transport, has_body=cycle.scope["method"] != "HEAD")
        cycle.transport = cast("asyncio.Transport", writer)
        super()._start_asgi_task(cycle, app)
