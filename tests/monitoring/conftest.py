"""Real receivers of pings, messages and mail."""

from collections.abc import Iterator

import pytest

from tests.helpers.smtp_and_http_receivers import Hook, Mailbox, hooked, mailed


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hooked() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mailed() as found:
        yield found
