"""The ledger's attempts and the provider's transactions, side by side: each difference by name; pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bulk_topup.domain.attempt import KnownAttempt, Resolution
from bulk_topup.domain.money import PRECISE, format_plain, with_fee
from bulk_topup.domain.moves import differences_from, facts_of, request_of, state_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.models.transaction import Transaction


class DiscrepancyKind(StrEnum):
    """The names of differences, each with the sentence that defines it."""

    #: The ledger has a transaction that the provider does not list.
    MISSING_THERE = "missing_there"
    #: The provider lists a transaction that the ledger knows nothing of.
    MISSING_HERE = "missing_here"
    #: The provider lists another transaction under the external id than the one that the ledger has.
    OTHER_TRANSACTION = "other_transaction"
    #: The transaction's amount, product or credit party is not what was asked for.
    DIFFERENT_REQUEST = "different_request"
    #: The provider charges or holds another price than the ledger has.
    DIFFERENT_PRICE = "different_price"
    #: The provider has another status than the ledger.
    DIFFERENT_STATUS = "different_status"
    #: The ledger has it completed, and the provider took the payment back.
    REVERSED_LATER = "reversed_later"
    #: An earlier attempt, which the ledger has as failed, is paid or open at the provider.
    EARLIER_ATTEMPT = "earlier_attempt"
    #: The ledger does not know the outcome, and the provider has the transaction.
    IN_FLIGHT_FOUND = "in_flight_found"
    #: The ledger does not know the outcome, and the provider lists nothing (yet).
    IN_FLIGHT = "in_flight"
    #: The row is in conflict until a person says what is true.
    CONFLICT = "conflict"
    #: The list asks for something else than what was sent.
    CONTRADICTED = "contradicted"
    #: A line of the list is not what the run read.
    LIST_CHANGED = "list_changed"
    #: A line of the list is not in the run.
    LIST_NEW = "list_new"
    #: A row of the run is no longer in the list.
    LIST_GONE = "list_gone"
    #: A wallet moved by something else than the transactions that the provider lists.
    BALANCE = "balance"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A transaction as one side has it, reduced to figures."""

    #: Paid, open, or neither.
    state: RowState
    #: What was asked for, in `unit`; None where nobody says.
    asked: Decimal | None
    unit: str | None
    #: Price and fee together, in `cost_unit`; None where nobody says.
    cost: Decimal | None
    cost_unit: str | None


@dataclass(kw_only=True, slots=True)
class Figures:
    """One side's transactions, added up."""

    transactions: int = 0
    #: What all of them ask for, per unit.
    asked: dict[str, Decimal] = field(default_factory=dict)
    #: Price and fee of those that are completed, per wallet unit.
    charged: dict[str, Decimal] = field(default_factory=dict)
    #: Price and fee of those that are open, per wallet unit.
    held: dict[str, Decimal] = field(default_factory=dict)

    def add(self, entry: Entry | None, sign: int = 1) -> None:
        """Count an entry too, or with -1 no longer; nothing counts for nothing."""
        if entry is None:
            return
        self.transactions += sign
        _add(self.asked, entry.unit, entry.asked, sign)
        if entry.state is RowState.COMPLETED:
            _add(self.charged, entry.cost_unit, entry.cost, sign)
        elif entry.state is RowState.ACCEPTED:
            _add(self.held, entry.cost_unit, entry.cost, sign)

    def as_json(self) -> dict[str, object]:
        """Give plain values; amounts as text in plain notation."""
        return {
            "transactions": self.transactions,
            **{name: {unit: format_plain(sum_) for unit, sum_ in sorted(getattr(self, name).items())} for name in SUMS},
        }


#: The sums of figures, by their names.
SUMS = ("asked", "charged", "held")


@dataclass(frozen=True, kw_only=True, slots=True)
class Discrepancy:
    """Where two of list, ledger, provider and wallet disagree."""

    kind: DiscrepancyKind
    #: A whole sentence with the cure.
    message: str
    #: The run's name and the row's line in its list, where a row is concerned.
    run: str | None = None
    line: int | None = None
    external_id: str | None = None
    #: The provider's id.
    transaction_id: int | None = None
    #: What both sides have; stated once for a transaction that differs in several ways.
    here: Entry | None = None
    there: Entry | None = None

    def as_json(self) -> dict[str, object]:
        """Give plain values."""
        return {
            "kind": self.kind.value,
            "run": self.run,
            "line": self.line,
            "external_id": self.external_id,
            "transaction_id": self.transaction_id,
            "message": self.message,
        }


def ledger_entry(known: KnownAttempt, *, is_listed: bool) -> Entry | None:
    """Give what the ledger has of an attempt's transaction; None where it has none.

    Args:
        known: the attempt.
        is_listed: whether the provider has a transaction for it; one that a person gave up counts only then.
    """
    is_given_up = known.resolution in {Resolution.FREE, Resolution.TAKEN}
    if is_given_up and not is_listed:
        return None
    if not is_given_up and (known.transaction_id is None or known.state is RowState.IN_FLIGHT):
        return None
    asked, unit = _asked(known)
    cost = with_fee(known.price, known.fee)
    return Entry(state=known.state, asked=asked, unit=unit, cost=cost, cost_unit=known.price_unit)


def dvs_entry(transaction: Transaction, known: KnownAttempt | None = None) -> Entry:
    """Give what the provider has of a transaction; what it does not state of the amount is taken from the attempt."""
    facts = facts_of(transaction)
    values = transaction.requested_values
    sides = (None, None) if values is None else (values.destination, values.source)
    stated = sides[0] or sides[1]
    if known is not None:
        request = request_of(known.attempt)
        if request.source is not None:
            stated = sides[1]
        # A fixed product's amount follows from the product, and one that a person accepted counts as asked for.
        if (request.source or request.destination) is None or known.resolution is Resolution.ACCEPTED:
            stated = None
    asked: tuple[Decimal | None, str | None] = (None, None)
    if stated is not None:
        asked = stated.amount, stated.unit
    elif known is not None:
        asked = _asked(known)
    return Entry(
        state=state_for(transaction), asked=asked[0], unit=asked[1], cost=facts.charged, cost_unit=facts.price_unit
    )


def compare(known: KnownAttempt, transaction: Transaction) -> list[Discrepancy]:
    """Tell in what an attempt and the transaction that the provider lists under its external id differ."""
    if known.state is RowState.CONFLICT:
        found = [(DiscrepancyKind.CONFLICT, f"{known.message} The provider has it as {_told(transaction)}. {_RESOLVE}")]
    elif known.state is RowState.IN_FLIGHT:
        found = [
            (
                DiscrepancyKind.IN_FLIGHT_FOUND,
                f"its outcome is unknown here, and the provider has it as {_told(transaction)}. {_APPLY}",
            )
        ]
    else:
        found = [
            *_in_identity(known, transaction),
            *_in_request(known, transaction),
            *_in_price(known, transaction),
            *_in_status(known, transaction),
        ]
    here, there = ledger_entry(known, is_listed=True), dvs_entry(transaction, known)
    return [
        _difference(kind, text, known, transaction.id, *((here, there) if number == 0 else (None, None)))
        for number, (kind, text) in enumerate(found)
    ]


def missing_there(known: KnownAttempt) -> Discrepancy | None:
    """Tell what an attempt that the provider does not list amounts to; None where that is as it should be."""
    here = ledger_entry(known, is_listed=False)
    if known.state is RowState.CONFLICT:
        text = f"{known.message} The provider lists nothing under its external id. {_RESOLVE}"
        return _difference(DiscrepancyKind.CONFLICT, text, known, known.transaction_id, here, None)
    if known.state is RowState.IN_FLIGHT:
        text = "its outcome is unknown, and the provider lists nothing under its external id. Resume the run."
        return _difference(DiscrepancyKind.IN_FLIGHT, text, known, None, None, None)
    if here is None:
        return None
    text = (
        f"the ledger has it {known.state} as transaction {known.transaction_id} ({known.status_message}), which the "
        "provider does not list. Nothing moves by that; ask the provider before anything is paid."
    )
    return _difference(DiscrepancyKind.MISSING_THERE, text, known, known.transaction_id, here, None)


def listed_again(known: KnownAttempt, transaction: Transaction) -> Discrepancy:
    """Tell of a second transaction that the provider lists under one external id."""
    text = (
        f"the provider lists {_told(transaction)} under its external id too. Ask the provider which of them was paid."
    )
    there = dvs_entry(transaction, known)
    return _difference(DiscrepancyKind.OTHER_TRANSACTION, text, known, transaction.id, None, there)


def missing_here(transaction: Transaction) -> Discrepancy:
    """Tell of a transaction that the ledger knows nothing of."""
    return Discrepancy(
        kind=DiscrepancyKind.MISSING_HERE,
        message=(
            f"The provider lists transaction {transaction.id} ({transaction.status.message}) under external id "
            f"{transaction.external_id}, which the ledger does not know. If its ledger was lost, rebuild it from its "
            "list with --rebuild; if another program or ledger sent it, compare that one."
        ),
        external_id=transaction.external_id,
        transaction_id=transaction.id,
        there=dvs_entry(transaction),
    )


def is_foreign(known: KnownAttempt) -> bool:
    """Tell whether a person decided that what goes by an attempt's external id is not the row's."""
    return known.resolution is Resolution.TAKEN and known.state is RowState.FAILED


def explained(here: Figures, differences: Iterable[Discrepancy]) -> Figures:
    """Give the ledger's figures with every difference taken in: what the provider's have to be."""
    result = Figures(
        transactions=here.transactions, asked=dict(here.asked), charged=dict(here.charged), held=dict(here.held)
    )
    for difference in differences:
        result.add(difference.here, -1)
        result.add(difference.there)
    return result


_APPLY = "`reconcile --apply` takes that over."
_RESOLVE = "Say what is true with `bulk-topup conflict resolve`."


def _in_identity(known: KnownAttempt, transaction: Transaction) -> Iterable[tuple[DiscrepancyKind, str]]:
    if known.transaction_id is None and known.state is RowState.COMPLETED:
        text = (
            f"the ledger has it {known.state} without a transaction, and the provider lists {_told(transaction)}. "
            "Ask the provider whether that is what was paid."
        )
        yield DiscrepancyKind.OTHER_TRANSACTION, text
    elif known.transaction_id is not None and known.transaction_id != transaction.id:
        text = (
            f"the ledger has it as transaction {known.transaction_id}, and the provider lists {_told(transaction)} "
            "under its external id. Ask the provider which of them was paid."
        )
        yield DiscrepancyKind.OTHER_TRANSACTION, text


def _in_request(known: KnownAttempt, transaction: Transaction) -> Iterable[tuple[DiscrepancyKind, str]]:
    if known.resolution is Resolution.ACCEPTED:
        return
    request = request_of(known.attempt)
    if known.is_purged:
        request = request.model_copy(update={"credit_party_identifier": transaction.credit_party_identifier})
    if found := differences_from(request, transaction, needs_amount=False):
        text = f"what the provider has under its external id is not what was asked for: {'; '.join(found)}."
        yield DiscrepancyKind.DIFFERENT_REQUEST, f"{text} Compare both before anything is paid."


def _in_price(known: KnownAttempt, transaction: Transaction) -> Iterable[tuple[DiscrepancyKind, str]]:
    here, there = ledger_entry(known, is_listed=True), dvs_entry(transaction, known)
    if here is None or (here.cost, here.cost_unit) == (there.cost, there.cost_unit):
        return
    yield (
        DiscrepancyKind.DIFFERENT_PRICE,
        f"the ledger has {_price(here)} for it, and the provider {_price(there)}. Ask the provider what was charged.",
    )


def _in_status(known: KnownAttempt, transaction: Transaction) -> Iterable[tuple[DiscrepancyKind, str]]:
    there = state_for(transaction)
    if not known.is_latest and there in {RowState.COMPLETED, RowState.ACCEPTED}:
        text = (
            f"attempt {known.attempt.number} failed as the ledger has it, and the provider has it as "
            f"{_told(transaction)}: the row may be paid more than once. Ask the provider at once."
        )
        yield DiscrepancyKind.EARLIER_ATTEMPT, text
    elif known.state is RowState.COMPLETED and there is RowState.REVERSED:
        yield DiscrepancyKind.REVERSED_LATER, f"it was paid, and the provider took the payment back. {_APPLY}"
    elif known.state is not there or (
        known.state is not RowState.COMPLETED and known.status_message != transaction.status.message
    ):
        cure = _APPLY if can_move(known.state, there) else "Ask the provider what is true before anything is paid."
        had = f"{known.state} ({known.status_message or 'creation refused'})"
        yield (
            DiscrepancyKind.DIFFERENT_STATUS,
            f"the ledger has it {had}, and the provider as {_told(transaction)}. {cure}",
        )


def can_move(before: RowState, there: RowState) -> bool:
    """Tell whether what the provider says of a row's own transaction may move the row."""
    return before in {RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.CONFLICT} or (before, there) in {
        (RowState.COMPLETED, RowState.REVERSED),
        (RowState.FAILED, RowState.COMPLETED),
        (RowState.FAILED, RowState.ACCEPTED),
    }


def _price(entry: Entry) -> str:
    return "no price" if entry.cost is None else f"{format_plain(entry.cost)} {entry.cost_unit}"


def _told(transaction: Transaction) -> str:
    return f"transaction {transaction.id} ({transaction.status.message})"


def _difference(
    kind: DiscrepancyKind,
    text: str,
    known: KnownAttempt,
    transaction_id: int | None,
    here: Entry | None,
    there: Entry | None,
) -> Discrepancy:
    return Discrepancy(
        kind=kind,
        message=f"{known.run} line {known.line}, {known.attempt.external_id}: {text}",
        run=known.run,
        line=known.line,
        external_id=known.attempt.external_id,
        transaction_id=transaction_id,
        here=here,
        there=there,
    )


def _asked(known: KnownAttempt) -> tuple[Decimal | None, str | None]:
    """Give what an attempt asked for: its request says it, or for a fixed product the row."""
    request = request_of(known.attempt)
    stated = request.destination or request.source
    if stated is None:
        return known.attempt.amount, known.attempt.unit
    return stated.amount, stated.unit


def _add(sums: dict[str, Decimal], unit: str | None, amount: Decimal | None, sign: int) -> None:
    if amount is None:
        return
    name = unit or "unknown"
    total = PRECISE.fma(amount, sign, sums.get(name, Decimal(0)))
    if total:
        sums[name] = total
    else:
        sums.pop(name, None)
