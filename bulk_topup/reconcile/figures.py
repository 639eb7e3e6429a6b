"""Transactions of one side as figures: what the ledger or DVS has of each, and their sums; pure."""

from dataclasses import dataclass, field
from decimal import Decimal

from bulk_topup.domain.attempt import KnownAttempt, Resolution
from bulk_topup.domain.money import PRECISE, format_plain, with_fee
from bulk_topup.domain.moves import facts_of, request_of, state_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.models.transaction import TransactionOutcome

#: The names of the sums of `Figures`, as JSON has them.
SUMS = ("asked", "charged", "held")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A transaction as one side has it, reduced to figures."""

    #: Paid, open, or neither.
    state: RowState
    #: The requested amount, in `unit`; None if unknown.
    asked: Decimal | None
    unit: str | None
    #: Price and fee together, in `cost_unit`; None if unknown.
    cost: Decimal | None
    cost_unit: str | None


@dataclass(kw_only=True, slots=True)
class Figures:
    """The sums of one side's transactions."""

    transactions: int = 0
    #: Requested amounts of all transactions, per unit.
    asked: dict[str, Decimal] = field(default_factory=dict)
    #: Price and fee of completed transactions, per wallet currency.
    charged: dict[str, Decimal] = field(default_factory=dict)
    #: Price and fee of open transactions, which are on hold, per wallet currency.
    held: dict[str, Decimal] = field(default_factory=dict)

    def add(self, entry: Entry | None, sign: int = 1) -> None:
        """Add an entry to the sums.

        Args:
            entry: the transaction; None adds nothing.
            sign: 1, or -1 to subtract it.
        """
        if entry is None:
            return
        self.transactions += sign
        _add(self.asked, entry.unit, entry.asked, sign)
        if entry.state is RowState.COMPLETED:
            _add(self.charged, entry.cost_unit, entry.cost, sign)
        elif entry.state is RowState.ACCEPTED:
            _add(self.held, entry.cost_unit, entry.cost, sign)

    def __add__(self, other: "Figures") -> "Figures":
        """Return the sums of both."""
        both = Figures(transactions=self.transactions + other.transactions)
        for figures in (self, other):
            for name in SUMS:
                for unit, amount in getattr(figures, name).items():
                    _add(getattr(both, name), unit, amount, 1)
        return both

    def as_json(self) -> dict[str, object]:
        """Return plain values; amounts as text in plain notation."""
        return {
            "transactions": self.transactions,
            **{name: {unit: format_plain(sum_) for unit, sum_ in sorted(getattr(self, name).items())} for name in SUMS},
        }


def ledger_entry(known: KnownAttempt, *, is_listed: bool) -> Entry | None:
    """Return what the ledger has of an attempt's transaction; None if it has none.

    Args:
        known: the attempt.
        is_listed: whether DVS has a transaction for it; an attempt that a person resolved as failed counts only then.
    """
    is_given_up = known.resolution in {Resolution.FREE, Resolution.TAKEN}
    if is_given_up and not is_listed:
        return None
    if not is_given_up and (known.transaction_id is None or known.state is RowState.IN_FLIGHT):
        return None
    asked, unit = _requested(known)
    cost = with_fee(known.price, known.fee)
    return Entry(state=known.state, asked=asked, unit=unit, cost=cost, cost_unit=known.price_unit)


def dvs_entry(transaction: TransactionOutcome, known: KnownAttempt | None = None) -> Entry:
    """Return what DVS has of a transaction.

    Args:
        transaction: as DVS lists it.
        known: the attempt, which gives the requested amount where the transaction has none; None without an attempt.
    """
    facts = facts_of(transaction)
    values = transaction.requested_values
    sides = (None, None) if values is None else (values.destination, values.source)
    given = sides[0] or sides[1]
    if known is not None:
        request = request_of(known.attempt)
        if request.source is not None:
            given = sides[1]
        # A fixed product's amount follows from the product, and one that a person accepted counts as requested.
        if (request.source or request.destination) is None or known.resolution is Resolution.ACCEPTED:
            given = None
    asked: tuple[Decimal | None, str | None] = (None, None)
    if given is not None:
        asked = given.amount, given.unit
    elif known is not None:
        asked = _requested(known)
    return Entry(
        state=state_for(transaction), asked=asked[0], unit=asked[1], cost=facts.charged, cost_unit=facts.price_unit
    )


def _requested(known: KnownAttempt) -> tuple[Decimal | None, str | None]:
    """Return the amount that an attempt's request has, or for a fixed product the row's, with its unit."""
    request = request_of(known.attempt)
    amount = request.destination or request.source
    if amount is None:
        return known.attempt.amount, known.attempt.unit
    return amount.amount, amount.unit


def _add(sums: dict[str, Decimal], unit: str | None, amount: Decimal | None, sign: int) -> None:
    if amount is None:
        return
    name = unit or "unknown"
    total = PRECISE.fma(amount, sign, sums.get(name, Decimal(0)))
    if total:
        sums[name] = total
    else:
        sums.pop(name, None)
