"""Define the environments, their addresses and their default ledgers; pure."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platformdirs import user_data_path


class Environment(StrEnum):
    """Where the money is: only production moves any."""

    #: A simulator: an embedded one, or one at a given address.
    SANDBOX = "sandbox"
    #: The test environment of DVS.
    PREPROD = "preprod"
    #: Real transactions.
    PRODUCTION = "production"


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


#: The addresses of DVS; the sandbox has none until it is started.
BASE_URLS: dict[Environment, str] = {
    Environment.PREPROD: "https://preprod-dvs-api.dtone.com/v1",
    Environment.PRODUCTION: "https://dvs-api.dtone.com/v1",
}


def default_ledger(environment: Environment) -> Path:
    """Return the default ledger: one file per environment, whatever the current folder."""
    return user_data_path("bulk-topup") / f"{environment}.db"
