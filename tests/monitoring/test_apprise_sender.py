"""Messages over real mail and real HTTP: what arrives, with which attachments, and the error if nothing arrives."""

import io
import json
import logging
import smtplib
import socketserver
import threading
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest

from bulk_topup.monitoring import apprise_sender
from bulk_topup.monitoring.apprise_sender import address_error, send
from bulk_topup.monitoring.channels import Channel
from bulk_topup.monitoring.messages import Message, MessageType
from bulk_topup.monitoring.notifications import Attachment, NotificationEvent
from tests.helpers.smtp_and_http_receivers import Hook, Mailbox, attachments_of, text_of


def channel(address: str, *attach: Attachment) -> Channel:
    return Channel(address=address, name="notification 1", on=frozenset(NotificationEvent), attach=attach)


def mail_to(mailbox: Mailbox) -> str:
    return f"mailto://127.0.0.1:{mailbox.port}?from=pay@example.com&to=team@example.com"


@pytest.fixture
def message(tmp_path: Path) -> Message:
    folder = tmp_path / "pay day 100% #1?"
    folder.mkdir()
    (folder / "summary.json").write_bytes(b"{}\n")
    (folder / "results.csv").write_bytes(b"a,b\n")
    return Message(
        events=frozenset({NotificationEvent.FINISH}),
        type=MessageType.WARNING,
        title="payroll/2026-11: 1 of 2 rows completed, 1 failed",
        body="Charged: 3.71 USD\n\n<b>:smile:</b> \\n",
        files={Attachment.SUMMARY: folder / "summary.json", Attachment.REPORT: folder / "results.csv"},
    )


def test_a_mail_has_the_text_of_the_message(mailbox: Mailbox, message: Message) -> None:
    assert send(channel(mail_to(mailbox)), message) is None
    (mail,) = mailbox.mails
    assert (mail["Subject"], mail["From"], mail["To"]) == (message.title, "pay@example.com", "team@example.com")
    assert text_of(mail).replace("\r\n", "\n").rstrip() == message.body
    assert attachments_of(mail) == {}


def test_only_the_attachments_of_the_channel_are_sent(mailbox: Mailbox, message: Message) -> None:
    assert send(channel(mail_to(mailbox), Attachment.SUMMARY), message) is None
    assert send(channel(mail_to(mailbox), Attachment.REPORT, Attachment.NOT_COMPLETED), message) is None
    assert [attachments_of(mail) for mail in mailbox.mails] == [{"summary.json": b"{}\n"}, {"results.csv": b"a,b\n"}]


def test_a_file_that_is_too_large_is_not_attached_and_the_message_says_so(
    mailbox: Mailbox, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise_sender, "MAX_ATTACHED_BYTES", 3)
    assert send(channel(mail_to(mailbox), Attachment.SUMMARY, Attachment.REPORT), message) is None
    (mail,) = mailbox.mails
    assert attachments_of(mail) == {"summary.json": b"{}\n"}
    assert "Some files are not attached. They are in the report folder." in text_of(mail)


def test_a_web_hook_gets_the_message_as_json(hook: Hook, message: Message) -> None:
    assert send(channel(f"json://127.0.0.1:{hook.port}/told"), message) is None
    ((method, path, body),) = hook.requests
    assert (method, path) == ("POST", "/told")
    received = json.loads(body)
    assert (received["title"], received["message"], received["type"]) == (message.title, message.body, "warning")


def test_an_error_has_no_part_of_the_address_and_is_not_logged(hook: Hook, message: Message) -> None:
    logged, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(logged), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    hook.status = 500
    try:
        why = send(channel(f"json://payer:hunter2@127.0.0.1:{hook.port}/secret-path"), message)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert why is not None
    assert "500" in why
    assert not [part for part in ("hunter2", "secret-path", "payer", "127.0.0.1") if part in why]
    assert logged.getvalue() == ""


def test_a_server_that_does_not_exist_is_an_error_text_and_no_exception(mailbox: Mailbox, message: Message) -> None:
    address = mail_to(mailbox).replace(str(mailbox.port), "9")
    assert send(channel(address), message) is not None
    assert mailbox.mails == []


def test_an_address_that_apprise_does_not_know_is_reported_before_anything_is_sent() -> None:
    error = address_error(channel("carrier-pigeon://loft-secret"))
    assert error is not None
    assert "does not know this kind of address" in error
    assert "loft-secret" not in error
    assert address_error(channel("json://127.0.0.1/")) is None


def test_an_answer_that_never_ends_is_read_to_a_bound(hook: Hook, message: Message) -> None:
    hook.is_endless = True
    assert send(channel(f"json://127.0.0.1:{hook.port}/told"), message) is None
    assert hook.sent < 2**25


def test_an_answer_that_comes_too_slowly_is_given_up(
    hook: Hook, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bulk_topup.monitoring import bounded_answers

    monkeypatch.setattr(bounded_answers, "ANSWER_TIMEOUT", 0.0)
    hook.is_endless = True
    assert send(channel(f"json://127.0.0.1:{hook.port}/told"), message) is not None


@pytest.mark.parametrize("parameter", ["", "?redirect=yes"])
def test_a_redirect_is_not_followed(hook: Hook, message: Message, parameter: str) -> None:
    hook.status, hook.location = 307, f"{hook.url}/elsewhere"
    assert send(channel(f"json://127.0.0.1:{hook.port}/told{parameter}"), message) is not None
    assert {path for _, path, _ in hook.requests} == {"/told"}


@pytest.mark.parametrize(
    ("pause", "most", "end"),
    [(0.0, 2**20, b"\r\n"), (0.05, 60, b"\r\n"), (0.05, 60, b"")],
    ids=["much at once", "little for ever", "one line for ever"],
)
def test_a_mail_server_whose_reply_never_ends_is_given_up(
    message: Message, monkeypatch: pytest.MonkeyPatch, pause: float, most: int, end: bytes
) -> None:
    from bulk_topup.monitoring import bounded_answers

    if pause:
        monkeypatch.setattr(bounded_answers, "ANSWER_TIMEOUT", 0.1)
    sent: list[int] = []
    is_over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the other side has read enough
                while len(sent) < most and not is_over.wait(pause):
                    sent.append(self.request.send(b"220-" + b"x" * 100 + end))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        address = f"mailto://127.0.0.1:{server.server_address[1]}?from=pay@example.com&to=team@example.com"
        assert send(channel(address), message) is not None
        is_over.set()
        server.shutdown()
    assert sum(sent) < 2**23
    assert len(sent) < most


def test_a_script_has_its_own_mails_unbounded(mailbox: Mailbox, message: Message) -> None:
    assert send(channel(mail_to(mailbox)), message) is None
    with smtplib.SMTP("127.0.0.1", mailbox.port) as connection:
        assert connection.noop()[0] == 250
        assert isinstance(connection.file, io.BufferedReader)
