"""Real receivers of pings, messages and mail."""

from collections.abc import Iterator

import pytest

from tests.helpers.smtp_and_http_receivers import Hook, Mailbox, serve_hook, serve_mailbox


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serve_hook() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with serve_mailbox() as found:
        yield found
