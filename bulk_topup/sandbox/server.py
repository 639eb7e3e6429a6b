"""Serves the sandbox on a socket, in a thread with an event loop of its own."""

import logging
import socket
import threading
from types import TracebackType
from typing import Self

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.app import Sandbox
from bulk_topup.sandbox.config import SandboxConfig
from bulk_topup.sandbox.faults import Faults
from bulk_topup.sandbox.http.fault_layer import CONNECTION, FaultLayer
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.system.asgi_server import ReadyServer, listen, server_config
from bulk_topup.system.clock import Clock, SystemClock

_log = logging.getLogger(__name__)

#: Seconds that an idle connection is kept: longer than clients keep theirs, so that none is closed under a request.
KEEP_ALIVE = 300


class EmbeddedSandbox:
    """A sandbox that serves as long as it is entered: `with EmbeddedSandbox(config) as sandbox: sandbox.base_url`.

    Args:
        config: the account and how it behaves.
        clock: where time comes from.

    Raises:
        ConfigurationError: a fault restarts it and it has no books; on entering, when the address is in use or the
            books cannot be used.
    """

    def __init__(self, config: SandboxConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._port = config.port
        self._faults = Faults(config.faults, keeps_books=config.books is not None)
        self._ending = threading.Event()

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
        """The address that exports everything the provider knows."""
        return f"{self.address}/sandbox/books"

    def __enter__(self) -> Self:
        self._ending.clear()
        self._thread = threading.Thread(target=self._serve, args=(self._open(),), name="sandbox", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._server.should_exit = True
        self._thread.join()
        self._provider.close()

    def restart(self) -> None:
        """Stop and serve again at the same address, with nothing but the books and the faults carried over."""
        self.__exit__(None, None, None)
        self.__enter__()

    def _open(self) -> socket.socket:
        """Take the address and open the books."""
        listener = listen(self._config.host, self._port)
        try:
            self._provider = Provider(self._config, self._clock)
        except BaseException:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        app = Sandbox(self._config, self._provider, self._clock, self._faults)
        self._server = _Server(app, self._faults, self._clock)
        return listener

    def _serve(self, listener: socket.socket) -> None:
        """Serve until the end, and again after each restart that a fault asks for."""
        while True:
            self._server.run([listener])
            if self._server.stays_away is None:
                return
            self._provider.close()
            if self._ending.wait(self._server.stays_away):
                return
            try:
                listener = self._open()
            except ConfigurationError as error:
                _log.error("The sandbox cannot start again: %s", error)
                return
            if self._ending.is_set():
                self._server.should_exit = True


class _Server(ReadyServer):
    """Serves the sandbox behind its faults, and can go away and come back."""

    def __init__(self, app: Sandbox, faults: Faults, clock: Clock) -> None:
        self._sandbox = app
        self._layer = FaultLayer(app, faults, clock, self.restart)
        super().__init__(server_config(self._layer, http=_Protocol, timeout_keep_alive=KEEP_ALIVE))
        #: Seconds to stay away before serving again; None where it ends for good.
        self.stays_away: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        self._sandbox.start()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, without waiting for faults that wait."""
        self._layer.stop()
        await self._sandbox.stop()
        await super().shutdown(sockets)

    def restart(self, seconds: float) -> None:
        """Take no more connections, drop those that there are, and end in order to serve again."""
        self.stays_away = seconds
        self.should_exit = True
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _Protocol(HttpToolsProtocol):
    """Lets the application reach the connection of a request, to end it without an answer."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"transport": self.transport}}
