"""Where the money is: the environments, their addresses and ledgers, and the choice of one; pure."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platformdirs import user_data_path


class Environment(StrEnum):
    """Where the money is: only production moves any."""

    #: A simulator: an embedded one, or one at a given address.
    SANDBOX = "sandbox"
    #: The provider's own test environment.
    PREPROD = "preprod"
    #: Real transactions.
    PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderOptions:
    """Which provider is talked to, and where its ledger lies."""

    environment: Environment
    #: Another address of the API, up to and with /v1; None for the environment's own.
    base_url: str | None
    #: The file that holds the key pair; None for the environment's variables or .env.
    credentials: Path | None
    #: Seconds to wait for an answer.
    timeout: float
    ledger: Path


#: The provider's addresses; the sandbox has none until one is started.
BASE_URLS: dict[Environment, str] = {
    Environment.PREPROD: "https://preprod-dvs-api.dtone.com/v1",
    Environment.PRODUCTION: "https://dvs-api.dtone.com/v1",
}


def default_ledger(environment: Environment) -> Path:
    """Give the ledger's usual place: one file an environment, the same from whatever folder a run is started."""
    return user_data_path("bulk-topup") / f"{environment}.db"
