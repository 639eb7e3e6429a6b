"""Define sums and comparisons over many rows of a run; pure."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bulk_topup.domain.earlier_payments import EarlierPayments


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """A wallet's balance at one time."""

    #: When it was fetched, in UTC.
    at: datetime
    unit: str
    #: Its amount, as DVS states it (reference: Balances).
    available: Decimal
    #: On hold for accepted transactions.
    holding: Decimal
    #: The creation date of the newest transaction that it includes, in UTC, by the provider's clock.
    newest: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidRows:
    """The rows of a list that its checks found valid."""

    rows: int
    #: Their expected cost where it is known, by currency of the wallet.
    costs: dict[str, Decimal]


@dataclass(frozen=True, kw_only=True, slots=True)
class MergePreview:
    """How a list compares with its run in the ledger, before it is merged."""

    #: Rows that are not in the run, and those of them that replace a row of it, because this invocation corrects that.
    new: int = 0
    replacing: int = 0
    #: Known rows that are pending.
    waiting: int = 0
    #: Known rows with these outcomes.
    completed: int = 0
    failed: int = 0
    #: Failed rows that are sent again, because this invocation corrects them.
    resent: int = 0
    #: Other failed rows whose request in the list changed.
    corrected: int = 0
    #: In flight or accepted; pending ones are `waiting`.
    open: int = 0
    #: Reversed or in conflict.
    needs_review: int = 0
    #: List mismatches: rows whose request in the list changed after they were sent.
    changed_after_sending: int = 0
    #: Possible duplicates of sent rows that are no longer in the list; refused.
    possible_duplicates: int = 0
    #: Rows above the velocity limit, counting the payments of all runs; refused.
    velocity_refused: int = 0
    #: Rows of the run that are no longer in the list, and those of them that were refused and never sent.
    removed_from_list: int = 0
    removed_refused: int = 0
    #: Rows of the list that the run has already, and those of them that credit the same beneficiary or a near one.
    known: int = 0
    shared: int = 0
    #: Rows of the run that stay in it although the list lacks them, as other lists of the run have them, or as it was
    #: only added; and those of them that are pending.
    kept: int = 0
    kept_waiting: int = 0
    #: The remaining cost, by currency of the wallet.
    costs: dict[str, Decimal] = field(default_factory=dict)
    #: Rows that other runs have paid or may have paid.
    earlier: EarlierPayments = field(default_factory=EarlierPayments)

    @property
    def to_send(self) -> int:
        """Rows of the run that a start would send, whichever of its lists have them; without retries."""
        return self.new + self.waiting + self.resent + self.kept_waiting


@dataclass(kw_only=True, slots=True)
class Total:
    """The totals of rows, summed while they stream by."""

    rows: int = 0
    #: Requested amounts, by currency.
    amounts: dict[str, Decimal] = field(default_factory=dict)
    #: Costs with fees, by currency of the wallet.
    costs: dict[str, Decimal] = field(default_factory=dict)
    #: Rows whose cost is unknown before they are sent.
    unpriced: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """A digest of all rows that a list pays: two lists with the same digest pay the same amounts to the same people."""

    total: Total
    #: Pairs of similar credit parties that a person has found to be different, without which it would pay fewer rows.
    pairs: int
    #: SHA-256 of each row's identity, first external ID and request, in list order, and of the keys of these pairs, in
    #: hexadecimal.
    requests: str
    #: SHA-256 of the planned cost of each row.
    costs: str
