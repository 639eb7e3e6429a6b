"""One row of a run: as it is staged, and with its outcome; touches nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from bulk_topup.domain.problems import Problem
from bulk_topup.domain.states import RowState


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One row of a run with all that is known of it: what a report is written from."""

    #: Line in the list, counted from 1 with the header.
    line: int
    state: RowState
    #: The list's own cells, in the order of `Run.columns`.
    cells: tuple[str, ...]
    #: Why the row was refused, or why a failed one cannot be tried again; empty for others.
    problems: tuple[Problem, ...]
    #: Why a row failed, is in conflict or waits, as a sentence; empty when there is nothing to say.
    message: str
    #: What a person should know although the state is right, e.g. that the list changed after the payment.
    note: str
    product_id: int | None
    #: Mobile or account number that is credited; None for products that credit nobody.
    credit_party: str | None
    #: What the list asks for, in `unit`; None where the row was refused for it.
    amount: Decimal | None
    unit: str | None
    #: Number of the latest attempt, 0 before the first.
    attempt: int
    external_id: str | None
    transaction_id: int | None
    #: Class and detailed message of the latest status, e.g. DECLINED and DECLINED-BARRED-CREDIT-PARTY.
    status_class: str | None
    status_message: str | None
    #: The wholesale price and fee that the provider charged (or holds) for it, in `price_unit`.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None
    operator_reference: str | None
    #: The purchased PIN; secret. A text in parentheses where it cannot be decrypted.
    pin_code: str | None = field(repr=False)
    pin_serial: str | None = field(repr=False)
    #: When the provider created the transaction, and when its final status was seen, in UTC.
    creation_date: datetime | None
    final_at: datetime | None
    #: Whether the list has the row still, as it was last read.
    in_list: bool


class StagedRow(NamedTuple):
    """One line of the list after the checks, as it is staged: to be paid, or refused with every reason.

    A batch of them is a frame with these columns; amounts are texts in plain notation.
    """

    line: int
    identity: str
    #: Whom it credits with what, where the list's reference is its identity.
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
    #: The request's JSON body without `external_id`; None when the row is refused.
    request: str | None
    #: What it should cost with its fee, in `cost_unit`; None when the product does not tell.
    cost: str | None
    cost_unit: str | None
    operator_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeGroup:
    """Rows of a run that share all that a summary tells of them."""

    state: RowState
    product_id: int | None
    #: What each of them asks for, in `unit`.
    amount: Decimal | None
    unit: str | None
    #: Wholesale price and fee of each, in `price_unit`.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None
    #: How many they are.
    rows: int
