"""The proxy between runner and sandbox treats a request as drawn."""

import asyncio
import gc
from random import Random
from typing import Any

import pytest

from chaos.proxy import REFUSAL, Proxy

PAYMENT = b"POST /v1/async/transactions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
QUESTION = b"GET /v1/balances HTTP/1.1\r\n\r\n"
REFUSED = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(REFUSAL) + REFUSAL
)
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
        ("keep", PAYMENT, 1, b""),
        ("refuse", PAYMENT, 0, REFUSED),
        ("refuse", QUESTION, 1, ANSWER),
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


def test_repetitions_of_a_kept_payment_are_refused_until_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.proxy.KEPT_FOR", (0.0, 0.0))
    payment = b'POST /v1/async/transactions HTTP/1.1\r\nContent-Length: 19\r\n\r\n{"external_id":"a"}'
    arrived, may_answer = asyncio.Queue[bytes](), asyncio.Event()

    async def provider(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await arrived.put(await reader.readexactly(len(payment)))
        await may_answer.wait()
        writer.write(ANSWER)
        writer.close()

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(payment)
        writer.write_eof()
        try:
            return await reader.read()
        finally:
            writer.close()

    async def main() -> list[bytes]:
        async with await asyncio.start_server(provider, "127.0.0.1", 0) as target:
            proxy = Proxy(target.sockets[0].getsockname()[1], _Draws("keep"))
            async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                answers = [await ask(port)]
                proxy.calm()
                proxy._kept.add(b"a")  # whether or not the first copy has left already
                answers.append(await ask(port))
                await arrived.get()
                may_answer.set()
        return answers

    assert asyncio.run(main()) == [b"", REFUSED]
