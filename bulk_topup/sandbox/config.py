"""How a sandbox is set up; plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from bulk_topup.sandbox.faults import AnyFault

DEFAULT_BALANCES: Mapping[str, Decimal] = {"USD": Decimal(10_000), "EUR": Decimal(10_000)}
DEFAULT_RATE_LIMIT = 100
DEFAULT_TIME_SCALE = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxConfig:
    """The account that the sandbox serves, and how it behaves."""

    #: The only key pair that it lets in.
    api_key: str
    api_secret: SecretStr
    host: str = "127.0.0.1"
    #: 0 takes a free one.
    port: int = 0
    #: What the documented delays (3 s, 20 s, 5 min, 1 h) are multiplied by.
    time_scale: float = DEFAULT_TIME_SCALE
    #: Requests a second that are served; 0 is no limit.
    rate_limit: int = DEFAULT_RATE_LIMIT
    #: What each currency's wallet holds when new books are opened; books that exist go on where they were.
    balances: Mapping[str, Decimal] = field(default_factory=lambda: DEFAULT_BALANCES)
    #: The file that outlives the process; None keeps everything in memory.
    books: Path | None = None
    #: What goes wrong from the start, in the order in which it is looked at.
    faults: Sequence[AnyFault] = ()
