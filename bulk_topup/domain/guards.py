"""What a job allows a run to do with money: mode, caps, control totals, repeats, stops, retries; pure vocabulary."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from bulk_topup.domain.retry_rules import OPERATOR_UNAVAILABLE, RetriedStatus

#: A share of something, from 0 to 1.
Share = Annotated[Decimal, Field(ge=0, le=1)]
#: A currency, or another unit of amounts; spelt otherwise it would name nothing, and guard nothing.
Unit = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,10}$")]
#: Amounts of money by currency (or another unit), e.g. {"USD" = "1000"}; a number of endless digits is none.
Amounts = dict[Unit, Annotated[Decimal, Field(ge=0, lt=10**24, decimal_places=9, allow_inf_nan=False)]]
#: Seconds.
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Mode(StrEnum):
    """How transactions are made."""

    #: Each is confirmed as it is created: one request a row.
    AUTO_CONFIRM = "auto_confirm"
    #: All are created and held, their prices compared with the plan, then all are confirmed or all cancelled.
    HOLD = "hold"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Caps(_Part):
    """What a run never exceeds; checked in the plan, and again before each row is sent."""

    #: Rows that the run pays, at most.
    rows: int | None = Field(default=None, ge=0)
    #: What all rows ask for, per currency that is asked for.
    amounts: Amounts = Field(default_factory=dict)
    #: What one row asks for, per currency that is asked for.
    row_amounts: Amounts = Field(default_factory=dict)
    #: What all rows cost with their fees, per currency of the wallet.
    costs: Amounts = Field(default_factory=dict)


class Velocity(_Part):
    """How often one beneficiary may be paid, whatever the run; checked against the whole ledger."""

    #: Days that are looked back.
    days: int = Field(ge=1, le=3660)
    #: Payments in that time, the new one included.
    payments: int | None = Field(default=None, ge=1)
    #: What a beneficiary gets in that time, the new payment included, per currency that is asked for.
    amounts: Amounts = Field(default_factory=dict)

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.payments is None and not self.amounts:
            raise ValueError("a velocity limit needs payments or amounts; without either it limits nothing")
        return self

    @property
    def period(self) -> timedelta:
        """The time that is looked back."""
        return timedelta(days=self.days)


class Expected(_Part):
    """Control totals: what the list must hold, all its rows counted, before anything is sent."""

    rows: int | None = Field(default=None, ge=0)
    #: What the rows ask for, per currency that is asked for; a currency that is not named must not occur.
    totals: Amounts = Field(default_factory=dict)


class Retries(_Part):
    """When a failed row is tried again without being asked."""

    #: Attempts of a row in all, the first included; 1 is no retry.
    attempts: int = Field(default=1, ge=1, le=100)
    #: Status messages that are tried again.
    statuses: tuple[RetriedStatus, ...] = OPERATOR_UNAVAILABLE
    #: Seconds between a failure and the next attempt.
    wait: Seconds = 600.0


class Stops(_Part):
    """When a run stops sending by itself, and leaves the rest to a person."""

    #: Rows that are sent first, spread over the operators, and must be final before the others go.
    canary: int = Field(default=0, ge=0)
    #: The share of the canaries that must complete.
    canary_share: Share = Decimal("0.8")
    #: The share of final rows that may fail.
    failed_share: Share | None = None
    #: Final rows before that share is looked at.
    failed_share_after: int = Field(default=20, ge=1)
    #: By which share a transaction's price may differ from the plan's.
    price_drift: Share | None = None


class Operators(_Part):
    """When an operator whose rows keep failing is left alone for a while."""

    #: Failures in a row, of the kind that concerns the operator and not the row, after which it is parked.
    failures: int = Field(default=5, ge=1)
    #: Seconds of the first pause; doubles with each further one.
    pause: Seconds = 300.0
    #: Seconds of waiting for parked operators alone before the run ends and leaves their rows to the next start.
    patience: Seconds = 3600.0


class Guards(BaseModel):
    """All of them; a run keeps those that it was begun with until a start states others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: How transactions are made.
    mode: Mode = Mode.AUTO_CONFIRM
    #: What a run never exceeds.
    caps: Caps = Caps()
    #: How often one beneficiary may be paid, whatever the run.
    velocity: Velocity | None = None
    #: Control totals: what the list must hold.
    expect: Expected = Expected()
    #: When a failed row is tried again without being asked.
    retry: Retries = Retries()
    #: When a run stops sending by itself.
    stops: Stops = Stops()
    #: When an operator whose rows keep failing is left alone for a while.
    operators: Operators = Operators()
    #: Seconds between two payments to one number; two are never on their way side by side.
    spacing: Seconds = 0.0

    @model_validator(mode="after")
    def _canaries_end(self) -> Self:
        if self.mode is Mode.HOLD and self.stops.canary:
            raise ValueError(
                "canaries have to be paid before the others are sent, and a run that holds pays nobody yet"
            )
        return self


@lru_cache(maxsize=16)
def guards_of(text: str) -> Guards:
    """Read a run's guards as the ledger keeps them; remembered, as every claim of rows asks for them."""
    return Guards.model_validate_json(text)
