"""Sums and differences over many rows of a run; touches nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """A wallet as it was seen once."""

    #: When, in UTC.
    at: datetime
    unit: str
    available: Decimal
    #: Set aside for open transactions.
    holding: Decimal
    #: When the newest transaction that it had taken in was created, in UTC, by the provider's clock.
    newest: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MergePreview:
    """What a list means for a run that may have begun already."""

    #: Rows that the run does not know yet.
    new: int = 0
    #: Known rows that wait to be sent.
    waiting: int = 0
    #: Known rows by what became of them.
    completed: int = 0
    failed: int = 0
    #: Those of the failed rows that the list states differently now.
    corrected: int = 0
    #: In flight or accepted; pending ones are `waiting`.
    open: int = 0
    #: Reversed or in conflict.
    needs_review: int = 0
    #: Rows that were sent and that the list now states differently.
    changed_after_sending: int = 0
    #: Refused rows that may repeat a payment of a row that the list no longer has in that form.
    possible_duplicates: int = 0
    #: Refused rows that exceed the velocity limit, counting payments of any run.
    velocity_refused: int = 0
    #: Rows of the run that the list no longer has.
    removed_from_list: int = 0
    #: What is still to be paid, per wallet unit.
    costs: dict[str, Decimal] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class Total:
    """What rows pay, summed while they pass."""

    rows: int = 0
    #: What they ask for, per unit.
    amounts: dict[str, Decimal] = field(default_factory=dict)
    #: What they cost with their fees, per wallet unit.
    costs: dict[str, Decimal] = field(default_factory=dict)
    #: Rows whose cost is not known before they are sent.
    unpriced: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """All rows that a list pays, in figures: two lists with the same digest pay the same people the same."""

    total: Total
    #: SHA-256 over each row's identity, first external id and request, in list order, in hexadecimal.
    requests: str
    #: SHA-256 over what each row should cost.
    costs: str
