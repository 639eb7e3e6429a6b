"""Define a row of a run, as staged and with its outcome; pure."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from bulk_topup.domain.problems import Problem
from bulk_topup.domain.states import RowState


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One row of a run with its outcome, as a report shows it."""

    #: Line in the list, counted from 1; the header is line 1.
    line: int
    state: RowState
    #: The list's own cells, in the order of `Run.columns`.
    cells: tuple[str, ...]
    #: Why the row was refused, or why a failed row can't be retried; empty for others.
    problems: tuple[Problem, ...]
    #: Why the row failed, is in conflict or is pending, as a sentence; empty if there is nothing to say.
    message: str
    #: A remark for people that does not change the state, e.g. that the list changed after the payment.
    note: str
    product_id: int | None
    #: The credited mobile or account number; None for products without a credit party.
    credit_party: str | None
    #: The requested amount, in `unit`; None if the row was refused for it.
    amount: Decimal | None
    unit: str | None
    #: Number of the latest attempt, 0 before the first.
    attempt: int
    external_id: str | None
    transaction_id: int | None
    #: Class and detailed message of the latest status, e.g. DECLINED and DECLINED-BARRED-CREDIT-PARTY.
    status_class: str | None
    status_message: str | None
    #: The cost with its fee that the plan expected, in `planned_unit`.
    planned_cost: Decimal | None
    planned_unit: str | None
    #: The wholesale price and fee that the provider charged or put on hold, in `price_unit`; None for a row that failed
    #: or was reversed.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None
    #: The `DELIVERY_FIELDS` of a completed row, or one in conflict: what the beneficiary received, bonuses, the retail
    #: price.
    delivered: Decimal | None = None
    delivered_unit: str | None = None
    bonus: str | None = None
    retail_price: Decimal | None = None
    retail_unit: str | None = None
    operator_reference: str | None
    #: The `SECRET_FIELDS`: a PIN, or a new eSIM. A text in parentheses if one can't be decrypted.
    pin_code: str | None = field(repr=False)
    pin_serial: str | None = field(repr=False)
    esim_activation_code: str | None = field(repr=False)
    esim_apple_universal_link: str | None = field(repr=False)
    esim_android_universal_link: str | None = field(repr=False)
    esim_installation_url: str | None = field(repr=False)
    #: When the provider created the transaction, and when its final status was recorded, in UTC.
    creation_date: datetime | None
    final_at: datetime | None
    #: Whether the list, as last read, has the row.
    in_list: bool


class StagedRow(NamedTuple):
    """One line of the list after the checks: valid, or refused with all its problems.

    A batch of them is a frame with these columns; amounts are texts in plain notation.
    """

    line: int
    identity: str
    #: Its identity by product and credit party as they are written, if that is not the identity.
    party: str | None
    #: pending or refused.
    state: str
    #: The list's own cells as a JSON array of texts.
    cells: str
    #: Why it is refused, as the JSON text that `decode_problems` reads.
    problems: str
    product_id: int | None
    credit_party: str | None
    amount: str | None
    unit: str | None
    #: The request's JSON body without `external_id`; None if the row is refused.
    request: str | None
    #: The planned cost with its fee, in `cost_unit`; None if the product states no price.
    cost: str | None
    cost_unit: str | None
    operator_id: int | None
    #: The key of the credited party or of the reference, as `sameness` creates it; None if the row has neither.
    party_key: str | None = None
    #: Its identity as the list writes it, if the identity is folded and another.
    written: str | None = None
    #: Until when its amount may be sent that DVS was asked for, in UTC; None where the list has the amount.
    amount_until: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeGroup:
    """Rows of a run that look the same in a summary."""

    state: RowState
    product_id: int | None
    #: The requested amount of each, in `unit`.
    amount: Decimal | None
    unit: str | None
    #: Wholesale price and fee of each that are charged or on hold, in `price_unit`.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None
    #: The planned cost of each, in `planned_unit`.
    planned_cost: Decimal | None
    planned_unit: str | None
    #: The number of rows.
    rows: int
    #: Whether they are refused because other runs have paid them.
    is_repeat: bool = False
    #: Whether they are refused because nothing is due, and for nothing else.
    is_nothing_due: bool = False
    #: Whether they are left out as duplicates, and for nothing else.
    is_left_out: bool = False
    #: DVS's status of failed rows, empty where it has none; None for rows that did not fail.
    failure: str | None = None
