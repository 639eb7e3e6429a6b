"""Define the guards of a job: mode, caps, control totals, velocity limit, stops, retries; pure."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from bulk_topup.domain.retried_status import RetriedStatus
from bulk_topup.domain.retry_rules import OPERATOR_UNAVAILABLE

#: A share, from 0 to 1.
Share = Annotated[Decimal, Field(ge=0, le=1)]
#: A currency, or another unit of amounts. Another spelling would match no unit, and guard nothing.
Unit = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,10}$")]
#: Amounts of money by currency (or another unit), e.g. {"USD" = "1000"}; infinite numbers are refused.
Amounts = dict[Unit, Annotated[Decimal, Field(ge=0, lt=10**24, decimal_places=9, allow_inf_nan=False)]]
#: Seconds.
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Mode(StrEnum):
    """How transactions are created."""

    #: Each transaction is confirmed when it is created: one request per row.
    AUTO_CONFIRM = "auto_confirm"
    #: All are created, their prices compared with the plan, then all are confirmed or all cancelled.
    HOLD = "hold"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Caps(_Part):
    """Limits that a run never exceeds; checked in the plan, and again before each row is sent."""

    #: Most rows that the run pays.
    rows: int | None = Field(default=None, ge=0)
    #: Most requested of all rows, by requested currency.
    amounts: Amounts = Field(default_factory=dict)
    #: Most requested of one row, by requested currency.
    row_amounts: Amounts = Field(default_factory=dict)
    #: Highest cost of all rows with their fees, by currency of the wallet.
    costs: Amounts = Field(default_factory=dict)


class Velocity(_Part):
    """The velocity limit: most payments per beneficiary in a period, of all runs in the ledger."""

    #: Length of the period in days.
    days: int = Field(ge=1, le=3660)
    #: Most payments in the period, with the new one.
    payments: int | None = Field(default=None, ge=1)
    #: Most that a beneficiary gets in the period, with the new payment, by requested currency.
    amounts: Amounts = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.payments is None and not self.amounts:
            raise ValueError("a velocity limit needs payments or amounts")
        return self

    @property
    def period(self) -> timedelta:
        """The length of the period."""
        return timedelta(days=self.days)


class Expected(_Part):
    """Control totals: the declared row count and sums of the whole list, checked before anything is sent."""

    #: Number of rows.
    rows: int | None = Field(default=None, ge=0)
    #: Sum of the requested amounts, by requested currency; other currencies must not occur.
    totals: Amounts = Field(default_factory=dict)


class Retries(_Part):
    """When a failed row is retried automatically."""

    #: Most attempts of a row, with the first; 1 is no retry.
    attempts: int = Field(default=1, ge=1, le=100)
    #: Status messages that are retried.
    statuses: tuple[RetriedStatus, ...] = OPERATOR_UNAVAILABLE
    #: Seconds between a failure and the next attempt.
    wait: Seconds = 600.0


class Stops(_Part):
    """When a run stops sending automatically, so that a person can check."""

    #: Rows that are sent first, spread over the operators, and must be final before the others are sent.
    canary: int = Field(default=0, ge=0)
    #: The share of the canaries that must complete.
    canary_share: Share = Decimal("0.8")
    #: The share of final rows that may fail.
    failed_share: Share | None = None
    #: Final rows before that share is checked.
    failed_share_after: int = Field(default=20, ge=1)
    #: The share by which a transaction's price may differ from the planned price; a larger difference stops. Without
    #: it, more than 0.01 is a warning. The smallest unit of the currency is always tolerated.
    price_drift: Share | None = None


class Operators(_Part):
    """When an operator whose rows keep failing is paused."""

    #: Consecutive failures that concern the operator and not the row, after which it is paused.
    failures: int = Field(default=5, ge=1)
    #: Seconds of the first pause; doubles with each further one.
    pause: Seconds = 300.0
    #: Seconds of waiting for paused operators alone before the run ends with their rows pending.
    patience: Seconds = 3600.0


class Guards(BaseModel):
    """The guards of a run; it keeps those that it was started with until others are given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: How transactions are created.
    mode: Mode = Mode.AUTO_CONFIRM
    #: Limits that a run never exceeds.
    caps: Caps = Caps()
    #: The velocity limit: most payments per beneficiary in a period, of all runs.
    velocity: Velocity | None = None
    #: Control totals: the declared row count and sums of the list.
    expect: Expected = Expected()
    #: When a failed row is retried automatically.
    retry: Retries = Retries()
    #: When a run stops sending automatically.
    stops: Stops = Stops()
    #: When an operator whose rows keep failing is paused.
    operators: Operators = Operators()
    #: Seconds between two payments to one number; two are never in flight at once.
    spacing: Seconds = 0.0

    @model_validator(mode="after")
    def _check_canaries(self) -> Self:
        if self.mode is Mode.HOLD and self.stops.canary:
            raise ValueError("canaries are not possible in hold mode, since no row is paid before all are created")
        return self


@lru_cache(maxsize=16)
def guards_of(text: str) -> Guards:
    """Return a run's guards from the ledger's JSON; cached, since every claim of rows needs them."""
    return Guards.model_validate_json(text)
