"""Serve an ASGI application on a socket, in a thread with an event loop of its own."""

import errno
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from bulk_topup.errors import ConfigurationError, PortInUseError

#: Seconds that running requests have when the server stops.
GRACE = 2
#: Most connections at once; others get a 503, so that strangers can't use up a run's open files.
MAX_CONNECTIONS = 256


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


class Serving:
    """A server that runs while its context is entered: `with Serving(app, address) as serving: serving.url`.

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
        host = self._address.host
        scheme = "http" if self._address.certificate is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._port}"

    def __enter__(self) -> Self:
        config = server_config(
            self._app,
            http="httptools",
            limit_concurrency=MAX_CONNECTIONS,
            ssl_certfile=self._address.certificate,
            ssl_keyfile=self._address.key,
        )
        try:
            config.load()
        except OSError as error:
            raise ConfigurationError(f"Can't use the certificate or its key: {error}.") from None
        listener = listen(self._address.host, self._address.port)
        self._port = listener.getsockname()[1]
        self._server = ReadyServer(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="server", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()


def server_config(app: Any, **more: Any) -> uvicorn.Config:  # noqa: ANN401
    """Return a server's configuration: the settings that all our servers share, and more."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        **more,
    )


class ReadyServer(uvicorn.Server):
    """A server that sets `ready` when it serves, and leaves signals to the main thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        await super().startup(sockets)
        self.ready.set()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        PortInUseError: another process uses the port.
        ConfigurationError: the address is not one of this machine, or needs more rights.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        class_ = PortInUseError if error.errno == errno.EADDRINUSE else ConfigurationError
        reason = str(error.strerror).partition(" (while")[0]  # without the address, which the message has already
        raise class_(f"Can't listen on {host} port {port}: {reason}. Choose another port.") from None
