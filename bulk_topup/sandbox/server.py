"""Serves the sandbox on a socket, in a thread with an event loop of its own."""

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from bulk_topup.clock import Clock, SystemClock
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.app import Sandbox
from bulk_topup.sandbox.config import SandboxConfig
from bulk_topup.sandbox.provider import Provider

#: Seconds that an idle connection is kept: longer than clients keep theirs, so that none is closed under a request.
KEEP_ALIVE = 300
#: Seconds that requests under way have when the sandbox stops.
GRACE = 2


class EmbeddedSandbox:
    """A sandbox that serves as long as it is entered: `with EmbeddedSandbox(config) as sandbox: sandbox.base_url`.

    Args:
        config: the account and how it behaves.
        clock: where time comes from.

    Raises:
        ConfigurationError: on entering, when the address is in use or the books cannot be used.
    """

    def __init__(self, config: SandboxConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._port = config.port

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
        listener = _listen(self._config.host, self._port)
        try:
            self._provider = Provider(self._config, self._clock)
        except BaseException:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._server = _Server(Sandbox(self._config, self._provider, self._clock))
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="sandbox", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._provider.close()

    def restart(self) -> None:
        """Stop and serve again at the same address, with nothing but the books carried over."""
        self.__exit__(None, None, None)
        self.__enter__()


class _Server(uvicorn.Server):
    """Tells when it serves, and leaves signals to whoever has the main thread."""

    def __init__(self, app: Sandbox) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self.ready.set()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"The sandbox cannot listen on {host} port {port}: {error.strerror}. Choose another with --port."
        ) from None
