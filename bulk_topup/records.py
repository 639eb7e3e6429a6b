"""What the stages hand to each other about runs and rows: frozen values; pure vocabulary."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from bulk_topup.money import with_fee
from bulk_topup.problems import Problem
from bulk_topup.states import RowState


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One execution of a job for one run key."""

    id: int
    job: str
    run_key: str
    #: sandbox, preprod or production.
    environment: str
    #: The list as it was named at the last start.
    list_path: str
    #: The list's columns in their order, as at the last start.
    columns: tuple[str, ...]
    #: When the run was first started, in UTC.
    created_at: datetime
    #: Whose wallet pays: the provider's address and which key pair; empty where that is not known.
    account: str = ""
    #: What the run allows itself with money, as JSON of `Guards`.
    guards: str = "{}"
    #: What a run that holds its transactions decided about them: confirm or cancel; None before.
    decision: str | None = None
    #: Who approved the run, as JSON; None for a run that nobody had to approve.
    approval: str | None = None
    #: When its personal data was removed, in UTC; None while it is there.
    purged_at: datetime | None = None
    #: How its job has the list read, as JSON of parts of `Job`; None where that is not known.
    reading: str | None = None
    #: Where its job wants the report, and as what, as JSON; None where that is not known.
    reporting: str | None = None
    #: The ledger that holds it, an absolute path; None where that is not known.
    ledger: Path | None = None

    @property
    def name(self) -> str:
        """How commands name the run: job/run key."""
        return f"{self.job}/{self.run_key}"


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
    #: Why it is refused, as the JSON text that `problems_of` reads.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One external id for a row, with the request that it stands for."""

    row_id: int
    #: From 1; grows only when the attempt before it is known to have failed.
    number: int
    external_id: str
    #: The request's JSON body without `external_id`, as it was when the intent was written.
    request: bytes
    #: Whose product it is.
    operator_id: int | None = None
    #: What the row asks for, in `unit`, and what it should cost with its fee, in `cost_unit`; as the plan has it.
    amount: Decimal | None = None
    unit: str | None = None
    cost: Decimal | None = None
    cost_unit: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAttempt:
    """An attempt whose transaction exists and is not final."""

    attempt: Attempt
    transaction_id: int
    creation_date: datetime
    status_message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldAttempt:
    """An attempt whose transaction was created and waits to be confirmed or cancelled."""

    attempt: Attempt
    transaction_id: int
    #: What it costs with its fee, in `price_unit`; None where the provider does not tell.
    charged: Decimal | None
    price_unit: str | None
    #: The list, read since, does not ask for it any more, or for something else.
    is_contradicted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class HintedAttempt:
    """An attempt that a callback spoke of; what is true of it, only the provider's API says."""

    attempt: Attempt
    #: What its row is at present: accepted or completed.
    state: RowState
    transaction_id: int
    #: When the callback came, in UTC.
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the provider says of an attempt's transaction."""

    transaction_id: int
    creation_date: datetime
    status_class: str
    status_message: str
    #: Wholesale price and fee in `price_unit`.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None
    operator_reference: str | None
    pin_code: str | None = field(default=None, repr=False)
    pin_serial: str | None = field(default=None, repr=False)
    #: Until when the transaction can be confirmed, in UTC.
    expires_at: datetime | None = None

    @property
    def charged(self) -> Decimal | None:
        """The price with its fee, in `price_unit`; None where the provider does not tell."""
        return with_fee(self.price, self.fee)


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A change of a row's state, for the ledger and its event log."""

    row_id: int
    attempt: int
    before: RowState
    after: RowState
    #: What made us know: an answer, a sweep, a person.
    cause: str
    #: Why a row failed or is in conflict, for people.
    message: str = ""
    facts: Facts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One entry of the event log."""

    at: datetime
    attempt: int
    #: None for the row's first entry.
    before: RowState | None
    after: RowState
    cause: str
    status_message: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
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
    #: In flight, accepted, reversed or in conflict.
    open: int = 0
    #: Rows that were sent and that the list now states differently.
    changed_after_sending: int = 0
    #: Rows that would pay again what a row was sent that is no longer in the list; they are refused.
    held: int = 0
    #: Rows that would pay somebody too often, counting what any run paid; they are refused.
    repeated: int = 0
    #: Rows that the run knows and the list no longer has.
    gone: int = 0
    #: What is still to be paid, per wallet unit.
    costs: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenSecond:
    """The accepted rows of a run for one operator whose transactions were created in one second."""

    #: In UTC, as creation dates begin with it: `2026-11-24T20:05:05`.
    second: str
    operator_id: int | None
    count: int
    #: The first and the last creation date among them.
    oldest: datetime
    newest: datetime


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
