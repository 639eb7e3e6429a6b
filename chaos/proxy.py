"""A proxy between runner and sandbox that delivers requests twice, late, or not at all; runs in its own process.

    python -m chaos.proxy PORT TARGET_PORT SEED

A late copy is the worst case for clients: it arrives when they no longer wait for its response.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Sequence
from typing import Any, Final

#: What happens to a request that pays, with weights.
FATES: Final = (
    ("pass", 12),
    ("lose", 1),  # it never arrives
    ("late", 2),  # the connection closes at once, and it arrives afterwards
    ("twice", 1),  # it arrives twice, and the second response counts
    ("echo", 2),  # it arrives, is answered, and arrives again later
)
#: Maximum delay of a late copy in seconds: less than a client's timeout, which the product requires of a network.
MAX_DELAY: Final = 0.8
_PAYING: Final = b"POST /v1/async/transactions"


class Proxy:
    """Forwards requests to a port of this machine.

    Args:
        target: the port.
        draws: the source of randomness.
    """

    def __init__(self, target: int, draws: random.Random) -> None:
        self._target = target
        self._draws = draws
        #: Connections and late copies: asyncio drops a task without another reference.
        self._tasks: set[asyncio.Task[Any] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the requests of one connection in order."""
        self._tasks.add(task := asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await self._forward(await _message(reader), writer):
                await writer.drain()
        writer.close()
        self._tasks.discard(task)

    async def _forward(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Forward a request as drawn, and return False if the connection must close."""
        fate = "pass"
        if request.startswith(_PAYING):
            fate = self._draws.choices([name for name, _ in FATES], [weight for _, weight in FATES])[0]
        if fate in {"late", "echo"}:
            copy = asyncio.create_task(self._deliver_late(request, self._draws.uniform(0, MAX_DELAY)))
            self._tasks.add(copy)
            copy.add_done_callback(self._tasks.discard)
        if fate in {"late", "lose"}:
            return False
        if fate == "twice":
            await self._exchange(request)
        writer.write(await self._exchange(request))
        return True

    async def _deliver_late(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._exchange(request)

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            writer.write(request)
            return await _message(reader)
        finally:
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read a request or a response: the head, and the body whose length is in the head."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + await reader.readexactly(length)


async def _serve(port: int, target: int, seed: int) -> None:
    proxy = Proxy(target, random.Random(seed))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main(arguments: Sequence[str]) -> None:
    """Serve until this process is killed."""
    port, target, seed = map(int, arguments)
    asyncio.run(_serve(port, target, seed))


if __name__ == "__main__":
    main(sys.argv[1:])
