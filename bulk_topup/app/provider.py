"""Opens the provider that options name: a real one with its credentials, or an embedded sandbox in this process."""

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
from bulk_topup.system.files import private_folder

#: As many as a run can use; each is opened only when it is needed.
MOST_CONNECTIONS = 1000
#: Seconds between questions for open transactions: an embedded sandbox's time runs faster.
POLL_INTERVAL = 2.0
POLL_INTERVAL_EMBEDDED = 0.5


def poll_policy(options: ProviderOptions, interval: float | None) -> PollPolicy:
    """Give how often to ask for open rows: every so many seconds at the shortest, None for the provider's usual."""
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
) -> AsyncIterator[AsyncDVS]:
    """Give an open client of the provider that the options name.

    Args:
        options: which provider.
        rate: requests a second, never to be exceeded.
        connections: at most.
        credentials: the key pair; None for the one in the file that the options name, or in the environment.

    Raises:
        ConfigurationError: credentials are missing, or the address is not usable.
    """
    if is_embedded(options):
        with _embedded(options.ledger) as (base_url, key, secret):
            async with _client(base_url, key, secret, options, rate, connections) as client:
                yield client
        return
    base_url = options.base_url or BASE_URLS.get(options.environment, "")
    credentials = credentials or load_credentials(options.credentials)
    async with _client(base_url, credentials.api_key, credentials.api_secret, options, rate, connections) as client:
        yield client


def payer_of(options: ProviderOptions, dvs: AsyncDVS, *, same_account: bool) -> PayingAccount:
    """Give whose account a client is for; an embedded sandbox's address and keys change from start to start."""
    account = "the embedded sandbox" if is_embedded(options) else dvs.account
    return PayingAccount(environment=options.environment, account=account, same_account=same_account)


def is_embedded(options: ProviderOptions) -> bool:
    """Tell whether the provider is a sandbox that lives in this process."""
    return options.environment is Environment.SANDBOX and options.base_url is None


def books_beside(ledger: Path) -> Path:
    """Give the place of an embedded sandbox's books: beside the ledger, so that a resume meets the same provider."""
    return ledger.with_name(f"{ledger.name}.sandbox-books.jsonl")


def _client(
    base_url: str, key: str, secret: SecretStr, options: ProviderOptions, rate: float | None, connections: int | None
) -> AsyncDVS:
    return AsyncDVS(
        base_url,
        key,
        secret,
        timeout=options.timeout,
        rate=rate,
        connections=connections or MOST_CONNECTIONS,
        transport=load_transport(),
    )


@contextmanager
def _embedded(ledger: Path) -> Iterator[tuple[str, str, SecretStr]]:
    books = books_beside(ledger)
    lock = FileLock(books.with_name(f"{books.name}.lock"), timeout=0, mode=0o600)
    try:
        private_folder(ledger.parent)
        lock.acquire()
    except Timeout:  # an OSError itself
        raise SandboxLockedError(
            f"Another process has an embedded sandbox open on {books}; wait until it ends, "
            "or start `bulk-topup sandbox` once and give both its --base-url."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The folder {ledger.parent} cannot be written to: {error.strerror}. Name another ledger with --ledger."
        ) from None
    try:
        from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig  # a whole server, and others have their own

        key, secret = "embedded", SecretStr(secrets.token_urlsafe(24))
        with EmbeddedSandbox(SandboxConfig(api_key=key, api_secret=secret, books=books)) as sandbox:
            yield sandbox.base_url, key, secret
    finally:
        lock.release()
