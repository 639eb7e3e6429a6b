"""A wire between runner and sandbox that delivers requests two times, late, or not at all; a process of its own.

    python -m chaos.proxy PORT TARGET_PORT SEED

What a late copy does is what clients fear most: it arrives when nobody waits for its answer any more.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Sequence
from typing import Any, Final

#: What happens to a request that pays, and how often.
FATES: Final = (
    ("pass", 12),
    ("lose", 1),  # it never arrives
    ("late", 2),  # the connection ends at once, and it arrives afterwards
    ("twice", 1),  # it arrives two times, and the second answer counts
    ("echo", 2),  # it arrives, is answered, and arrives again some time later
)
#: Seconds that a late copy takes, at most: less than a client's time-out, as the product demands it of a network.
LATEST: Final = 0.8
_PAYING: Final = b"POST /v1/async/transactions"


class Wire:
    """Passes requests on to a port of this machine.

    Args:
        target: the port.
        draws: where chance comes from.
    """

    def __init__(self, target: int, draws: random.Random) -> None:
        self._target = target
        self._draws = draws
        #: Connections and late copies: asyncio forgets a task that nobody else holds, as when a client ended its half.
        self._tasks: set[asyncio.Task[Any] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, a request after the other."""
        self._tasks.add(task := asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await self._pass_on(await _message(reader), writer):
                await writer.drain()
        writer.close()
        self._tasks.discard(task)

    async def _pass_on(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Let happen to a request what is drawn for it; tell whether the connection goes on."""
        fate = "pass"
        if request.startswith(_PAYING):
            fate = self._draws.choices([name for name, _ in FATES], [weight for _, weight in FATES])[0]
        if fate in {"late", "echo"}:
            copy = asyncio.create_task(self._deliver_late(request, self._draws.uniform(0, LATEST)))
            self._tasks.add(copy)
            copy.add_done_callback(self._tasks.discard)
        if fate in {"late", "lose"}:
            return False
        if fate == "twice":
            await self._ask(request)
        writer.write(await self._ask(request))
        return True

    async def _deliver_late(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._ask(request)

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            writer.write(request)
            return await _message(reader)
        finally:
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read a request or an answer: its head, and the body that the head announces."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + await reader.readexactly(length)


async def _serve(port: int, target: int, seed: int) -> None:
    wire = Wire(target, random.Random(seed))
    server = await asyncio.start_server(wire.serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main(words: Sequence[str]) -> None:
    """Serve until this process is ended."""
    port, target, seed = map(int, words)
    asyncio.run(_serve(port, target, seed))


if __name__ == "__main__":
    main(sys.argv[1:])
