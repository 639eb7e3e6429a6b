"""Opens the client of the provider that options name: DVS, or an embedded sandbox in this process."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import SecretStr

from bulk_topup.app.credentials import Credentials, load_credentials, load_transport
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.domain.environment import BASE_URLS, Environment, ProviderOptions
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import PollPolicy
from bulk_topup.errors import ConfigurationError, SandboxLockedError
from bulk_topup.system.clock import Clock
from bulk_topup.system.files import private_folder

#: Most connections of a client; each is opened when it is needed.
MOST_CONNECTIONS = 1000
#: Seconds between two polls of open rows; the time of an embedded sandbox runs faster.
POLL_INTERVAL = 2.0
POLL_INTERVAL_EMBEDDED = 0.5


def poll_policy(options: ProviderOptions, interval: float | None) -> PollPolicy:
    """Return how often open rows are polled.

    Args:
        options: which provider.
        interval: shortest time between two polls, in seconds; None for the provider's usual.
    """
    if interval is None:
        interval = POLL_INTERVAL_EMBEDDED if is_embedded(options) else POLL_INTERVAL
    return PollPolicy(shortest=interval, longest=max(interval, PollPolicy().longest))


@asynccontextmanager
async def open_client(
    options: ProviderOptions,
    *,
    rate: float | None = None,
    connections: int | None = None,
    credentials: Credentials | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[AsyncDVS]:
    """Open a client of the provider that the options name.

    Args:
        options: which provider.
        rate: most requests per second; None for the provider's own limit.
        connections: most connections at once.
        credentials: API credentials; None for those of the options' file or the environment.
        clock: the source of time, also of an embedded sandbox; None for this machine's clock.

    Raises:
        ConfigurationError: credentials are missing, or the address cannot be used.
        SandboxLockedError: another process has the embedded sandbox open.
    """
    if is_embedded(options):
        with _embedded(options.ledger, clock) as (base_url, key, secret):
            async with _client(base_url, key, secret, options, rate, connections, clock) as client:
                yield client
        return
    base_url = options.base_url or BASE_URLS.get(options.environment, "")
    credentials = credentials or load_credentials(options.credentials)
    key, secret = credentials.api_key, credentials.api_secret
    async with _client(base_url, key, secret, options, rate, connections, clock) as client:
        yield client


def payer_of(options: ProviderOptions, dvs: AsyncDVS, *, same_account: bool) -> PayingAccount:
    """Return the account of a client; an embedded sandbox has another address and key each time, and one name."""
    account = "the embedded sandbox" if is_embedded(options) else dvs.account
    return PayingAccount(environment=options.environment, account=account, same_account=same_account)


def is_embedded(options: ProviderOptions) -> bool:
    """Return True if the provider is a sandbox in this process."""
    return options.environment is Environment.SANDBOX and options.base_url is None


def books_beside(ledger: Path) -> Path:
    """Return the file of an embedded sandbox's books: beside the ledger, so that a resume finds its transactions."""
    return ledger.with_name(f"{ledger.name}.sandbox-books.jsonl")


def _client(
    base_url: str,
    key: str,
    secret: SecretStr,
    options: ProviderOptions,
    rate: float | None,
    connections: int | None,
    clock: Clock | None,
) -> AsyncDVS:
    return AsyncDVS(
        base_url,
        key,
        secret,
        timeout=options.timeout,
        rate=rate,
        connections=connections or MOST_CONNECTIONS,
        clock=clock,
        transport=load_transport(),
    )


@contextmanager
def _embedded(ledger: Path, clock: Clock | None) -> Iterator[tuple[str, str, SecretStr]]:
    books = books_beside(ledger)
    lock = FileLock(books.with_name(f"{books.name}.lock"), timeout=0, mode=0o600)
    try:
        private_folder(ledger.parent)
        lock.acquire()
    except Timeout:  # an OSError itself
        raise SandboxLockedError(
            f"Another process has the embedded sandbox {books} open. Wait until it ends, or start `bulk-topup sandbox` "
            "and give both processes its --base-url."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"Can't write to the folder {ledger.parent}: {error.strerror}. Choose another ledger with --ledger."
        ) from None
    try:
        from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig  # heavy, and only needed here

        key, secret = "embedded", SecretStr(secrets.token_urlsafe(24))
        with EmbeddedSandbox(SandboxConfig(api_key=key, api_secret=secret, books=books), clock) as sandbox:
            yield sandbox.base_url, key, secret
    finally:
        lock.release()
