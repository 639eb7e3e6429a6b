"""Serve an ASGI application on a socket: listens, and configures servers."""

import errno
import socket
import threading
from typing import Any

import uvicorn

from bulk_topup.errors import ConfigurationError, PortInUseError

#: Seconds that running requests have when the server stops.
GRACE = 2


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
