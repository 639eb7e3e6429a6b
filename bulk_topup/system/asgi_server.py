"""Serve an ASGI application on a socket: listens, and configures servers.

Real time because it waits for sockets.
"""

import asyncio
import errno
import socket
import threading
from contextlib import suppress
from typing import Any, Final

import uvicorn

from bulk_topup.errors import ConfigurationError, PortInUseError

#: Seconds that running requests have when the server stops.
GRACE = 2
#: Seconds between two refreshes of the header `Date`.
_TICK: Final = 1.0
#: Seconds between two checks whether all connections have ended, of which no event tells.
_PAUSE: Final = 0.002


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
        **more,
    )


class ReadyServer(uvicorn.Server):
    """A server that sets `ready` when it serves, stops at once, and leaves signals to the main thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop to serve; allowed in any thread and at any time."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and the server with it
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Serve until stopped, which is noticed without the pause of uvicorn's own loop."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as uvicorn does, but without its pauses."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended(), GRACE)
        for task in self.server_state.tasks:
            task.cancel()

    async def _ended(self) -> None:
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE)
        for server in self.servers:
            await server.wait_closed()


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
