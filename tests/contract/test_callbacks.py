"""Every callback of the sandbox matches the description."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs import codec
from bulk_topup.sandbox import EmbeddedSandbox

#: Longer than anything here takes; reached only if something never arrives.
PATIENCE = 30


@pytest.fixture
def called() -> Iterator[tuple[str, "Queue[tuple[str, bytes]]"]]:
    """An address on this machine, and what is posted to it: content type and body."""
    got: Queue[tuple[str, bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put((self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", got
        server.shutdown()
        thread.join()


def test_the_callback_of_each_final_status_is_as_described(
    contract: Any, served: EmbeddedSandbox, called: tuple[str, "Queue[tuple[str, bytes]]"]
) -> None:
    url, got = called
    creation = contract.find("POST", "/async/transactions")
    [(expression, methods)] = creation.described["callbacks"]["statusChanged"].items()
    assert expression == "{$request.body#/callback_url}"
    [(content_type, content)] = methods["post"]["requestBody"]["content"].items()

    def received() -> str:
        given, body = got.get(timeout=PATIENCE)
        assert given.partition(";")[0] == content_type
        transaction = codec.decode(body)
        contract.check_value(content["schema"], transaction, "callback")
        return str(transaction["status"]["message"])

    request = {
        "external_id": "callbacks-1",
        "product_id": 3411,
        "auto_confirm": True,
        "credit_party_identifier": {"mobile_number": "+6595123101"},
        "callback_url": url,
    }
    with httpx2.Client(auth=("key", "secret")) as client:
        created = client.post(f"{served.base_url}/async/transactions", json=request).json()
        assert received() == "COMPLETED"
        client.post(f"{served.address}/sandbox/transactions/{created['id']}/reverse").raise_for_status()
        assert received() == "REVERSED"
