"""The options of one run's execution; a pure value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Guards
from bulk_topup.engine.control import CircuitPolicy
from bulk_topup.engine.poll_policy import PollPolicy
from bulk_topup.plan import BalanceCheck


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """How a run sends its rows and tracks its transactions."""

    #: Maximum concurrent requests; None for as many as the rate limit needs.
    concurrency: int | None = None
    #: How often open transactions are polled.
    polling: PollPolicy = field(default_factory=PollPolicy)
    #: When to pause, and when to give up, while DVS does not respond.
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    #: Seconds without a status change after which the rows that are still open are left to a later invocation.
    tracking_timeout: float = 1800.0
    #: Where DVS posts status changes; None for nowhere.
    callback_url: str | None = None
    #: What an approval says of it: the URL without its token; empty for nowhere, or this machine.
    callback_address: str = ""
    #: What the run is allowed to do with money.
    guards: Guards = field(default_factory=Guards)
    #: Whether nothing is sent: rows in flight are looked up, and those that were accepted are followed to their end.
    follows_only: bool = False
    #: The wallets beside the remaining cost, as they were before anything is sent; empty where nothing is known.
    balances: Sequence[BalanceCheck] = ()
    #: Called with moves that are on disk; must neither raise nor take long.
    on_moves: Callable[[Sequence[tuple[Attempt, Move]]], None] | None = None
