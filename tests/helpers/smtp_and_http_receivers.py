"""Real receivers of messages: a web server that accepts any request, and a mail server."""

import threading
from asyncio import Server
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Hook:
    """A web server on this machine."""

    port: int = 0
    #: HTTP status of the responses.
    status: int = 200
    #: Received requests: method, path and body.
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    #: Responses wait until this is set.
    may_respond: threading.Event = field(default_factory=threading.Event)
    #: Whether responses never end.
    is_endless: bool = False
    #: Bytes of endless responses that were sent.
    sent: int = 0
    #: Where responses redirect to; empty for nowhere.
    location: str = ""
    #: Bodies of responses by path without query; others are empty.
    bodies: dict[str, bytes] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serve_hook() -> Iterator[Hook]:
    hook = Hook()
    hook.may_respond.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            hook.requests.append((self.command, self.path, body))
            hook.may_respond.wait(60)
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            if hook.is_endless:
                self.send_header("Connection", "close")
                self.end_headers()
                self._send_endlessly()
                return
            content = hook.bodies.get(self.path.partition("?")[0], b"")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _send_endlessly(self) -> None:
            with suppress(OSError):  # the other side has read enough
                while hook.sent < 2**27:
                    hook.sent += self.wfile.write(b"x" * 65536)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Do not log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        hook.may_respond.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mailbox:
    """A mail server on this machine, and the mails that it received."""

    port: int = 0
    mails: list[Message] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


class _Server(Controller):
    """Uses any free port, and records its number."""

    server: Server

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def serve_mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    controller = _Server(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        controller.stop()


def text_of(mail: Message) -> str:
    """Return the text of a mail."""
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode()
    raise AssertionError("the mail has no text")


def attachments_of(mail: Message) -> dict[str, bytes]:
    """Return the attachments of a mail by name."""
    return {
        str(name): bytes(content)
        for part in mail.walk()
        if (name := part.get_filename()) and isinstance(content := part.get_payload(decode=True), bytes)
    }
