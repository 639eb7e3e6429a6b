"""The settings of a sandbox; plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from bulk_topup.sandbox.catalogue.catalogue_name import SMALL, CatalogueName
from bulk_topup.sandbox.faults import AnyFault

DEFAULT_BALANCES: Mapping[str, Decimal] = {"USD": Decimal(10_000), "EUR": Decimal(10_000)}
#: What the wallets of the other currencies contain with the catalogue of real size.
MORE_BALANCES: Mapping[str, Decimal] = {"GBP": Decimal(10_000), "JPY": Decimal(1_500_000), "KWD": Decimal(3000)}
DEFAULT_RATE_LIMIT = 100
DEFAULT_TIME_SCALE = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxConfig:
    """The account that the sandbox serves, and its behaviour."""

    #: The only API credentials that it accepts.
    api_key: str
    api_secret: SecretStr
    host: str = "127.0.0.1"
    #: 0 for a free port.
    port: int = 0
    #: Factor of the documented delays (3 s, 20 s, 5 min, 1 h).
    time_scale: float = DEFAULT_TIME_SCALE
    #: Requests per second; 0 for no limit.
    rate_limit: int = DEFAULT_RATE_LIMIT
    #: Opening balance of each currency's wallet in new books; existing books keep theirs.
    balances: Mapping[str, Decimal] = field(default_factory=lambda: DEFAULT_BALANCES)
    #: The file that keeps the state; None keeps it in memory.
    books: Path | None = None
    #: What the account can buy.
    catalogue: CatalogueName = SMALL
    #: Real seconds that each request to the API waits before it is processed, beside those of faults.
    latency: float = 0
    #: Faults from the start, in the order in which they are tried.
    faults: Sequence[AnyFault] = ()


def default_balances(catalogue: CatalogueName) -> Mapping[str, Decimal]:
    """Return the opening balances of new books: a wallet of each currency that products are priced in."""
    return DEFAULT_BALANCES if catalogue.size == "small" else {**DEFAULT_BALANCES, **MORE_BALANCES}
