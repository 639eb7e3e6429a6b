"""A proxy between runner and sandbox that delivers requests twice, late, or not at all; runs in its own process.

    python -m chaos.proxy PORT TARGET_PORT SEED KIND

A late copy is the worst case for clients: it arrives when they no longer wait for its response. KIND is `bad`, or
`late` for a gateway that keeps requests until their clients have given up, and refuses repetitions of them meanwhile.
On SIGUSR1 it lets every further request pass.
"""

import asyncio
import contextlib
import random
import re
import signal
import sys
from collections.abc import Coroutine, Sequence
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
#: The same for a gateway that keeps requests.
LATE_FATES: Final = (
    ("pass", 12),
    ("lose", 1),
    ("keep", 4),  # no response, it arrives when its client has given up, and repetitions of it are refused until then
    ("refuse", 2),  # it is refused, and never arrives
)
#: Delays of a kept request in seconds: more than a client's timeout, and less than the minute after which its absence
#: is proved, as the clock of such a scenario shows it.
KEPT_FOR: Final = (1.2, 2.0)
REFUSAL: Final = b'{"errors":[{"code":1003001,"message":"Not now"}]}'
_PAYING: Final = b"POST /v1/async/transactions"
_ID: Final = re.compile(rb'"external_id":\s*"([^"]+)"')


class Proxy:
    """Forwards requests to a port of this machine.

    Args:
        target: the port.
        draws: the source of randomness.
        fates: what happens to requests, with weights.
    """

    def __init__(self, target: int, draws: random.Random, fates: Sequence[tuple[str, int]] = FATES) -> None:
        self._target = target
        self._draws = draws
        self._fates = fates
        #: External IDs of requests that are kept.
        self._kept: set[bytes] = set()
        #: Connections and late copies: asyncio drops a task without another reference.
        self._tasks: set[asyncio.Task[Any] | None] = set()

    def calm(self) -> None:
        """Let every further request pass; what is kept still arrives."""
        self._fates = (("pass", 1),)

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
            names, weights = zip(*self._fates, strict=True)
            fate = self._draws.choices(names, weights)[0]
            if _id_of(request) in self._kept:
                fate = "refuse"
        if fate == "refuse":
            head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(REFUSAL) + REFUSAL)
            return True
        if fate == "keep":
            self._kept.add(_id_of(request))
            self._start(self._deliver_late(request, self._draws.uniform(*KEPT_FOR)))
            await asyncio.sleep(KEPT_FOR[0])
            return False
        if fate in {"late", "echo"}:
            self._start(self._deliver_late(request, self._draws.uniform(0, MAX_DELAY)))
        if fate in {"late", "lose"}:
            return False
        if fate == "twice":
            await self._exchange(request)
        writer.write(await self._exchange(request))
        return True

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_late(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._kept.discard(_id_of(request))
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._exchange(request)

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            writer.write(request)
            return await _message(reader)
        finally:
            writer.close()


def _id_of(request: bytes) -> bytes:
    """Return the external ID of a request that pays; empty for another one."""
    found = _ID.search(request)
    return found[1] if found else b""


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read a request or a response: the head, and the body whose length is in the head."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + await reader.readexactly(length)


async def _serve(port: int, target: int, seed: int, kind: str) -> None:
    proxy = Proxy(target, random.Random(seed), LATE_FATES if kind == "late" else FATES)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, proxy.calm)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main(arguments: Sequence[str]) -> None:
    """Serve until this process is killed."""
    *numbers, kind = arguments
    port, target, seed = map(int, numbers)
    asyncio.run(_serve(port, target, seed, kind))


if __name__ == "__main__":
    main(sys.argv[1:])
