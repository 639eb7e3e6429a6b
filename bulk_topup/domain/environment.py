"""Define the environments, their addresses and their default ledgers; pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from platformdirs import user_data_path

from bulk_topup.dvs.waits import DEFAULT_MAX_WAIT


class Environment(StrEnum):
    """Where the money is: only production moves any."""

    #: A simulator: an embedded one, or one at a given address.
    SANDBOX = "sandbox"
    #: The test environment of DVS.
    PREPROD = "preprod"
    #: Real transactions.
    PRODUCTION = "production"


#: The environment where neither options nor job name one.
DEFAULT_ENVIRONMENT: Final = Environment.SANDBOX


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderOptions:
    """Which provider is used, and its ledger."""

    environment: Environment
    #: Another address of the API, up to and with /v1; None for the environment's own.
    base_url: str | None
    #: The file with the API credentials; None for environment variables or .env.
    credentials: Path | None
    #: Seconds to wait for a response.
    timeout: float
    #: The ledger's file.
    ledger: Path
    #: Most seconds of all waits after HTTP 429.
    max_wait: float = DEFAULT_MAX_WAIT
    #: Whether an option or the job names the environment; False where it is the default.
    is_named: bool = False

    @property
    def is_embedded(self) -> bool:
        """Whether the provider is a sandbox in this process."""
        return self.environment is Environment.SANDBOX and self.base_url is None

    @property
    def environment_of_address(self) -> Environment | None:
        """The environment that the given address is that of; None without one, or for one that is not DVS's."""
        try:
            host = (urlsplit(self.base_url or "").hostname or "").rstrip(".")
        except ValueError:  # no address at all, which the client refuses
            return None
        return next((each for each, url in BASE_URLS.items() if host == urlsplit(url).hostname), None)


#: The addresses of DVS; the sandbox has none until it is started.
BASE_URLS: dict[Environment, str] = {
    Environment.PREPROD: "https://preprod-dvs-api.dtone.com/v1",
    Environment.PRODUCTION: "https://dvs-api.dtone.com/v1",
}


#: An account as the ledger names it: the address, and a hash of the API key.
_ACCOUNT: Final = re.compile(r"(https?://\S+) \(key [0-9a-f]+\)")


def address_of_account(account: str) -> str | None:
    """Return the address of an account as the ledger names it; None for an embedded sandbox, or if it is unknown."""
    found = _ACCOUNT.fullmatch(account)
    return None if found is None else found[1]


def format_account(environment: str, account: str) -> str:
    """Return where the money is, as sentences for people.

    Args:
        environment: the environment.
        account: the account as the ledger names it; empty if it is unknown.
    """
    return f"Environment: {environment}. Account: {account or 'unknown'}."


def format_provider(options: ProviderOptions, account: str) -> str:
    """Return where the money is and whether that is a simulator, as sentences for people.

    Args:
        options: which provider.
        account: its account, as the ledger names it.
    """
    text = format_account(options.environment, account)
    if options.environment is not Environment.SANDBOX:
        return text
    return f"{text} SANDBOX: {'no money moves' if options.is_embedded else 'only a simulator may be there'}."


def default_ledger(environment: Environment) -> Path:
    """Return the default ledger: one file per environment, whatever the current folder."""
    return user_data_path("bulk-topup") / f"{environment}.db"
