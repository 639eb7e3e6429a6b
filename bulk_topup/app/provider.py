"""Opens the client of the provider that options name: DVS, or an embedded sandbox in this process."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from filelock import Timeout
from pydantic import SecretStr

from bulk_topup.app.credentials import Credentials, load_credentials, load_transport, where_given
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.domain.environment import BASE_URLS, ProviderOptions
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import PollPolicy
from bulk_topup.errors import (
    ConfigurationError,
    EnvironmentMismatchError,
    EnvironmentNotNamedError,
    SandboxLockedError,
)
from bulk_topup.system.clock import Clock
from bulk_topup.system.files import private_folder
from bulk_topup.system.lock_file import locked_file

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
        interval = POLL_INTERVAL_EMBEDDED if options.is_embedded else POLL_INTERVAL
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
        EnvironmentMismatchError: the address is that of another environment of DVS.
        EnvironmentNotNamedError: credentials are given, and nothing says that the sandbox is meant.
        ConfigurationError: credentials are missing, or the address cannot be used.
        SandboxLockedError: another process has the embedded sandbox open.
    """
    check_environment(options, credentials)
    if options.is_embedded:
        with _embedded(options.ledger, clock) as (base_url, key, secret):
            async with _client(base_url, key, secret, options, rate, connections, clock) as client:
                yield client
        return
    base_url = options.base_url or BASE_URLS.get(options.environment, "")
    credentials = credentials or load_credentials(options.credentials)
    key, secret = credentials.api_key, credentials.api_secret
    async with _client(base_url, key, secret, options, rate, connections, clock) as client:
        yield client


def check_environment(options: ProviderOptions, credentials: Credentials | None = None) -> None:
    """Raise an error if the environment that is used may not be the one that is meant.

    Args:
        options: which provider.
        credentials: API credentials that are given as such; None for those of the options' file or the environment.

    Raises:
        EnvironmentMismatchError: the address is that of another environment of DVS.
        EnvironmentNotNamedError: credentials are given, and an embedded sandbox would answer by default.
    """
    if options.environment_of_address not in {None, options.environment}:
        raise EnvironmentMismatchError(
            f"{options.base_url} is the address of {options.environment_of_address}, not of {options.environment}. "
            f"Nothing was sent. Add --env {options.environment_of_address}, or remove --base-url."
        )
    if options.is_named or not options.is_embedded:
        return
    where = where_given(options.credentials) if credentials is None else "the argument credentials"
    if where:
        raise EnvironmentNotNamedError(
            f"API credentials are given ({where}), but no environment is named, so the sandbox would be used and "
            "nobody paid. Nothing was sent. Add --env preprod or --env production, or --env sandbox for a simulation; "
            "in a job file, set environment."
        )


def check_scheduled_environment(options: ProviderOptions) -> None:
    """Raise EnvironmentNotNamedError unless the environment of a scheduled command is named."""
    if not options.is_named:
        raise EnvironmentNotNamedError(
            "--scheduled needs an environment that is named. Nothing was sent. Set environment in the job file, or add "
            "--env."
        )


def unused_credentials(options: ProviderOptions) -> str:
    """Return where credentials are given that an embedded sandbox does not use; empty for none."""
    return where_given(options.credentials) if options.is_embedded else ""


def payer_of(options: ProviderOptions, dvs: AsyncDVS, *, same_account: bool) -> PayingAccount:
    """Return the account of a client; an embedded sandbox has another address and key each time, and one name."""
    account = "the embedded sandbox" if options.is_embedded else dvs.account
    return PayingAccount(environment=options.environment, account=account, same_account=same_account)


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
        max_wait=options.max_wait,
    )


@contextmanager
def _embedded(ledger: Path, clock: Clock | None) -> Iterator[tuple[str, str, SecretStr]]:
    books = books_beside(ledger)
    with ExitStack() as stack:
        _lock_books(stack, books)
        from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig, remove_unused  # heavy, and only needed here

        if not books.exists():
            stack.callback(remove_unused, books)
        key, secret = "embedded", SecretStr(secrets.token_urlsafe(24))
        with EmbeddedSandbox(SandboxConfig(api_key=key, api_secret=secret, books=books), clock) as sandbox:
            yield sandbox.base_url, key, secret


def _lock_books(stack: ExitStack, books: Path) -> None:
    """Lock the books of an embedded sandbox until the stack is closed."""
    try:
        private_folder(books.parent)
        stack.enter_context(locked_file(books.with_name(f"{books.name}.lock")))
    except Timeout:  # an OSError itself
        raise SandboxLockedError(
            f"Another process has the embedded sandbox {books} open. Wait until it ends, or start `bulk-topup sandbox` "
            "and give both processes its --base-url."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"Can't write to the folder {books.parent}: {error.strerror}. Choose another ledger with --ledger."
        ) from None
