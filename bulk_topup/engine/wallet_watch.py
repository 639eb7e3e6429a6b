"""Watches whether the wallets still cover a run while it sends, as other programs may spend from them; asks DVS rarely.

What is left in a wallet is estimated: the balance that DVS gave last, less what the run was charged since, and what is
on the wire. A row that this does not cover leaves only after DVS was asked with nothing on the wire, so that sending
stops before DVS declines a row.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.money import PRECISE, format_money
from bulk_topup.domain.run import Run
from bulk_topup.domain.wallets import balances_by_unit
from bulk_topup.dvs import AsyncDVS, DVSError
from bulk_topup.engine.charges import Charges
from bulk_topup.engine.control import Control, StopReason
from bulk_topup.engine.journal import Journal
from bulk_topup.ledger import LedgerStore
from bulk_topup.plan import BalanceCheck
from bulk_topup.system.clock import Clock

#: A wallet runs low while it has less than so many times the remaining cost.
LOW: Final = 10
#: Seconds after which the balances of a wallet that runs low are asked for again, and of any other.
ASK_INTERVAL: Final = 60.0
ASK_INTERVAL_OTHERWISE: Final = 600.0
#: Seconds after a question without an answer in which rows leave without another: DVS decides on them.
UNANSWERED_INTERVAL: Final = 60.0
#: Seconds for which an answer is current enough to stop by it.
CURRENT: Final = 5.0
_ZERO: Final = Decimal(0)


class WalletWatch:
    """Estimates what is left in each wallet.

    Args:
        checks: the balances and the remaining cost when the run started; of other wallets nothing is watched.
        dvs: an open client.
        ledger: an open ledger, used in the thread of `journal` alone.
        journal: calls the ledger.
        run: the run.
        control: stops the run.
        charges: what this invocation was charged.
        clock: where time comes from.
    """

    def __init__(
        self,
        checks: Sequence[BalanceCheck],
        *,
        dvs: AsyncDVS,
        ledger: LedgerStore,
        journal: Journal,
        run: Run,
        control: Control,
        charges: Charges,
        clock: Clock,
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._journal = journal
        self._run = run
        self._control = control
        self._charges = charges
        self._clock = clock
        #: What can be spent from each wallet, its credit limit included, and what was charged when that was asked for.
        self._spendable = {
            each.unit: PRECISE.add(each.available, each.credit_limit or _ZERO)
            for each in checks
            if each.available is not None and each.cost
        }
        self._taken: Mapping[str, Decimal] = {}
        #: The planned cost of rows that are not sent, less that of rows that were sent since it was read.
        self._left = {each.unit: each.cost for each in checks}
        #: The planned cost of rows that are claimed and have not left.
        self._claimed: dict[str, Decimal] = {}
        #: Rows on the wire by ID, each with its currency and its planned cost, and the sums of these.
        self._on_wire: dict[int, tuple[str, Decimal]] = {}
        self._wire_costs: dict[str, Decimal] = {}
        self._asked_at = clock.monotonic()
        #: DVS gave no answer; until then it is not asked again.
        self._unanswered_until = float("-inf")
        #: Wallets that its last answer left out.
        self._left_out: set[str] = set()
        #: When DVS was asked with nothing on the wire.
        self._exact_at = float("-inf")
        #: Held while that is done.
        self._exact = asyncio.Lock()
        self._landed = asyncio.Event()
        #: A sentence about wallets that do not cover the remaining rows; empty while all do.
        self.message = ""

    def claim(self, attempts: Iterable[Attempt]) -> None:
        """Record that rows are about to leave."""
        for attempt in attempts:
            if attempt.cost is not None and attempt.cost_unit in self._spendable:
                _add(self._claimed, attempt.cost_unit, attempt.cost)

    async def covers(self, attempt: Attempt) -> bool:
        """Count a row that is about to leave; if its wallet does not cover it, stop submitting and return False."""
        unit, cost = attempt.cost_unit, attempt.cost
        if cost is None or unit is None or unit not in self._spendable:
            return True
        if not self._exact.locked() and self._is_due(unit):
            await self._ask()
        if self._exact.locked() or self._after(unit, cost) < 0:
            async with self._exact:
                is_known = self._after(unit, cost) >= 0 or await self._ask_exactly(unit)
                if is_known and self._after(unit, cost) < 0:
                    self._stop(unit, cost)
        if not self._control.may_submit:
            return False
        self._on_wire[attempt.row_id] = unit, cost
        _add(self._wire_costs, unit, cost)
        _add(self._claimed, unit, -cost)
        _add(self._left, unit, -cost)
        return True

    async def still_covers(self, attempt: Attempt) -> bool:
        """Return True if a counted row that leaves now is covered by what is known by now; else as `covers`."""
        unit, cost = self._on_wire.get(attempt.row_id, ("", _ZERO))
        if not unit or self._estimate(unit) >= 0:
            return True
        self.landed(attempt)
        _add(self._claimed, unit, cost)
        _add(self._left, unit, cost)
        return await self.covers(attempt)

    def landed(self, attempt: Attempt) -> None:
        """Record that the response to a row is recorded, if it was counted."""
        unit, cost = self._on_wire.pop(attempt.row_id, ("", _ZERO))
        if unit:
            _add(self._wire_costs, unit, -cost)
        if not self._on_wire:
            self._landed.set()

    def _estimate(self, unit: str) -> Decimal:
        """Return what is left in a wallet, as far as that is known."""
        taken = PRECISE.subtract(self._charges.sums.get(unit, _ZERO), self._taken.get(unit, _ZERO))
        return PRECISE.subtract(PRECISE.subtract(self._spendable[unit], taken), self._wire_costs.get(unit, _ZERO))

    def _after(self, unit: str, cost: Decimal) -> Decimal:
        """Return what would be left in a wallet after a row."""
        return PRECISE.subtract(self._estimate(unit), cost)

    def _is_due(self, unit: str) -> bool:
        """Return True if the balances are to be asked for again."""
        now = self._clock.monotonic()
        waited = now - self._asked_at
        if waited < ASK_INTERVAL or now < self._unanswered_until:
            return False
        return waited >= ASK_INTERVAL_OTHERWISE or self._estimate(unit) < LOW * self._left[unit]

    async def _ask(self) -> bool:
        """Ask for the balances, and compare them with what is left to send; return False without an answer."""
        self._asked_at = self._clock.monotonic()
        # Rows that land meanwhile may be in the answer already: what is left is never estimated too high.
        taken = dict(self._charges.sums)
        try:
            found = balances_by_unit([balance async for balance in self._dvs.balances.list()])
        except DVSError as error:
            self._control.record_error(error)
            self._unanswered_until = self._clock.monotonic() + UNANSWERED_INTERVAL
            return False
        self._control.record_response()
        self._left_out = self._spendable.keys() - found.keys()
        left = await self._journal.call(self._ledger.spending.pending_costs, self._run)
        for unit in self._spendable:
            balance = found.get(unit)
            if balance is not None:
                self._spendable[unit] = PRECISE.add(balance.available, balance.credit_limit or _ZERO)
                self._taken = {**self._taken, unit: taken.get(unit, _ZERO)}
            self._left[unit] = PRECISE.add(left.get(unit, _ZERO), self._claimed.get(unit, _ZERO))
        self.message = " ".join(filter(None, map(self._shortage, sorted(self._spendable))))
        return True

    async def _ask_exactly(self, unit: str) -> bool:
        """Ask for the balances once nothing is on the wire; return whether that of a wallet is known."""
        if self._clock.monotonic() < self._unanswered_until:
            return False
        while self._on_wire and self._control.may_submit:
            self._landed.clear()
            await self._landed.wait()
        if self._clock.monotonic() - self._exact_at < CURRENT:
            return unit not in self._left_out
        if self._control.may_submit and await self._ask():
            self._exact_at = self._clock.monotonic()
            return unit not in self._left_out
        return False

    def _shortage(self, unit: str) -> str:
        """Return a sentence if a wallet does not cover what is left to send; else an empty one."""
        estimate, left = self._estimate(unit), self._left[unit]
        if estimate >= left:
            return ""
        estimate = max(estimate, _ZERO)  # where rows on the wire are in the answer already
        return (
            f"The {unit} wallet has about {format_money(estimate, unit)} left, and the rows that are not sent cost "
            f"about {format_money(left, unit)}: another program spends from it, or prices rose. Top it up, or sending "
            "stops before the wallet is empty."
        )

    def _stop(self, unit: str, cost: Decimal) -> None:
        self.message = ""
        self._control.stop(
            StopReason.BALANCE,
            f"The {unit} wallet has {format_money(self._estimate(unit), unit)} left, and the next row costs "
            f"{format_money(cost, unit)}: another program spends from it, or prices rose. Sending stopped before DVS "
            "declined a row. Top up the wallet, then resume.",
        )


def _add(sums: dict[str, Decimal], unit: str, amount: Decimal) -> None:
    sums[unit] = PRECISE.add(sums.get(unit, _ZERO), amount)
