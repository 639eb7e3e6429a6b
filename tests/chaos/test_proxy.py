"""The proxy between runner and sandbox treats a request as drawn."""

import asyncio
import gc
from random import Random
from typing import Any

import pytest

from chaos.proxy import Proxy

PAYMENT = b"POST /v1/async/transactions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
QUESTION = b"GET /v1/balances HTTP/1.1\r\n\r\n"
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"


class _Draws(Random):
    """Always draws the same fate, and no delay."""

    def __init__(self, fate: str) -> None:
        super().__init__(1)
        self._fate = fate

    def choices(self, *_: Any, **__: Any) -> list[Any]:
        return [self._fate]

    def uniform(self, *_: float) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("fate", "request_", "deliveries", "answer"),
    [
        ("pass", PAYMENT, 1, ANSWER),
        ("lose", PAYMENT, 0, b""),
        ("late", PAYMENT, 1, b""),
        ("twice", PAYMENT, 2, ANSWER),
        ("echo", PAYMENT, 2, ANSWER),
        ("lose", QUESTION, 1, ANSWER),
    ],
)
def test_a_payment_is_delivered_as_often_as_its_fate_requires(
    fate: str, request_: bytes, deliveries: int, answer: bytes
) -> None:
    delivered: asyncio.Queue[bytes] = asyncio.Queue()

    async def provider(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await delivered.put(await reader.readexactly(len(request_)))
        gc.collect()
        writer.write(ANSWER)
        writer.close()

    async def main() -> bytes:
        async with await asyncio.start_server(provider, "127.0.0.1", 0) as target:
            proxy = Proxy(target.sockets[0].getsockname()[1], _Draws(fate))
            async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                writer.write(request_)
                writer.write_eof()
                got = await reader.read()
                writer.close()
                for _ in range(deliveries):
                    assert await delivered.get() == request_
        return got

    assert asyncio.run(main()) == answer
    assert delivered.empty()
