"""Where the money is: the environments, their addresses and their ledgers; pure."""

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


#: The provider's addresses; the sandbox has none until one is started.
BASE_URLS: dict[Environment, str] = {
    Environment.PREPROD: "https://preprod-dvs-api.dtone.com/v1",
    Environment.PRODUCTION: "https://dvs-api.dtone.com/v1",
}


def default_ledger(environment: Environment) -> Path:
    """Give the ledger's usual place: one file an environment, the same from whatever folder a run is started."""
    return user_data_path("bulk-topup") / f"{environment}.db"
