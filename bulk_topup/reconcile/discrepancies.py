"""Discrepancies between the ledger's attempts and DVS's transactions, each with its kind and what to do; pure."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulk_topup.domain.attempt import KnownAttempt, Resolution
from bulk_topup.domain.echo import differences_from
from bulk_topup.domain.money import format_money
from bulk_topup.domain.moves import request_of, state_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.dvs.unreadable import UnreadableEntry
from bulk_topup.reconcile.figures import Entry, dvs_entry, ledger_entry

_APPLY: Final = "To update the ledger, add --apply."


class DiscrepancyKind(StrEnum):
    """The kinds of discrepancies."""

    #: The ledger has a transaction that DVS does not list.
    MISSING_THERE = "missing_there"
    #: DVS lists a transaction that the ledger does not know.
    MISSING_HERE = "missing_here"
    #: DVS lists another transaction with the external ID than the one in the ledger.
    OTHER_TRANSACTION = "other_transaction"
    #: The transaction's amount, product or credit party differs from the request.
    DIFFERENT_REQUEST = "different_request"
    #: DVS charges or puts on hold another price than the ledger has.
    DIFFERENT_PRICE = "different_price"
    #: The row is completed, and neither the ledger nor DVS has a price.
    CHARGE_UNKNOWN = "charge_unknown"
    #: The list leaves out the price, and too many were asked for by their IDs.
    PRICE_NOT_ASKED = "price_not_asked"
    #: DVS has another status than the ledger.
    DIFFERENT_STATUS = "different_status"
    #: The row is completed in the ledger, and DVS reversed the payment.
    REVERSED_LATER = "reversed_later"
    #: An earlier attempt failed in the ledger, and is paid or open at DVS.
    EARLIER_ATTEMPT = "earlier_attempt"
    #: The outcome is unknown in the ledger, and DVS has the transaction.
    IN_FLIGHT_FOUND = "in_flight_found"
    #: The outcome is unknown in the ledger, and DVS lists nothing (yet).
    IN_FLIGHT = "in_flight"
    #: DVS lists a transaction that this version can't read.
    UNREADABLE = "unreadable"
    #: The row is a conflict until a person resolves it.
    CONFLICT = "conflict"
    #: The list differs from what was sent.
    CONTRADICTED = "contradicted"
    #: A line of the list changed since the run read it.
    LIST_CHANGED = "list_changed"
    #: A line of the list is not in the run.
    LIST_NEW = "list_new"
    #: A row of the run is no longer in the list.
    LIST_GONE = "list_gone"
    #: A wallet changed by more or less than the transactions that DVS lists.
    BALANCE = "balance"


@dataclass(frozen=True, kw_only=True, slots=True)
class Discrepancy:
    """Where two of list, ledger, DVS and wallet disagree."""

    kind: DiscrepancyKind
    #: Sentences: place, fact and fix.
    message: str
    #: The run's name; None if no row is concerned.
    run: str | None = None
    #: The row's line in its list; None if no row is concerned.
    line: int | None = None
    external_id: str | None = None
    #: DVS's ID.
    transaction_id: int | None = None
    #: What the ledger has; given once for a transaction with several discrepancies.
    here: Entry | None = None
    #: What DVS has; given once for a transaction with several discrepancies.
    there: Entry | None = None

    def as_json(self) -> dict[str, object]:
        """Return plain values."""
        return {
            "kind": self.kind.value,
            "run": self.run,
            "line": self.line,
            "external_id": self.external_id,
            "transaction_id": self.transaction_id,
            "message": self.message,
        }


def compare(known: KnownAttempt, transaction: TransactionOutcome, *, is_price_asked: bool = True) -> list[Discrepancy]:
    """Return the discrepancies between an attempt and the transaction that DVS lists with its external ID.

    Args:
        known: the attempt.
        transaction: as DVS lists it.
        is_price_asked: False if the list leaves out its price, and it was not asked for by its ID.
    """
    if known.state is RowState.CONFLICT:
        text = f"{known.message} DVS has {_described(transaction)}. {_resolve(known)}".strip()
        found = [(DiscrepancyKind.CONFLICT, text)]
    elif known.state is RowState.IN_FLIGHT:
        text = f"Outcome unknown in the ledger, but DVS has {_described(transaction)}. {_APPLY}"
        found = [(DiscrepancyKind.IN_FLIGHT_FOUND, text)]
    else:
        found = [
            *_in_identity(known, transaction),
            *_in_request(known, transaction),
            *(_in_price(known, transaction) if is_price_asked else _in_price_not_asked(transaction)),
            *_in_status(known, transaction),
        ]
    here, there = ledger_entry(known, is_listed=True), dvs_entry(transaction, known)
    return [
        _discrepancy(kind, text, known, transaction.id, *((here, there) if number == 0 else (None, None)))
        for number, (kind, text) in enumerate(found)
    ]


def missing_there(known: KnownAttempt) -> Discrepancy | None:
    """Return the discrepancy of an attempt that DVS does not list; None if DVS should not list it."""
    here = ledger_entry(known, is_listed=False)
    if known.state is RowState.CONFLICT:
        text = f"{known.message} DVS lists no transaction with its external ID. {_resolve(known)}".strip()
        return _discrepancy(DiscrepancyKind.CONFLICT, text, known, known.transaction_id, here, None)
    if known.state is RowState.IN_FLIGHT:
        text = (
            "Outcome unknown, and DVS lists no transaction with its external ID. "
            f"Resume: `bulk-topup resume {shlex.quote(known.run)}`"
        )
        return _discrepancy(DiscrepancyKind.IN_FLIGHT, text, known, None, None, None)
    if here is None:
        return None
    text = (
        f"The ledger has it {known.state} as transaction {known.transaction_id} ({known.status_message}), which DVS "
        "does not list. The row stays as it is. Ask DT One before paying again."
    )
    return _discrepancy(DiscrepancyKind.MISSING_THERE, text, known, known.transaction_id, here, None)


def listed_again(known: KnownAttempt, transaction: TransactionOutcome) -> Discrepancy:
    """Return the discrepancy of a further transaction that DVS lists with the same external ID."""
    text = f"DVS also lists {_described(transaction)} with its external ID. Ask DT One which of them was paid."
    there = dvs_entry(transaction, known)
    return _discrepancy(DiscrepancyKind.OTHER_TRANSACTION, text, known, transaction.id, None, there)


def missing_here(transaction: TransactionOutcome) -> Discrepancy:
    """Return the discrepancy of a transaction that the ledger does not know."""
    return Discrepancy(
        kind=DiscrepancyKind.MISSING_HERE,
        message=(
            f"DVS lists {_described(transaction)} with external ID {transaction.external_id}, which the ledger does "
            "not know. If its ledger was lost, rebuild it from its list with `bulk-topup reconcile --rebuild LIST`. "
            "If another program or ledger sent it, compare that one."
        ),
        external_id=transaction.external_id,
        transaction_id=transaction.id,
        there=dvs_entry(transaction),
    )


def unreadable_there(known: KnownAttempt, problem: str) -> Discrepancy:
    """Return the discrepancy of an attempt whose transaction can't be read.

    Args:
        known: the attempt.
        problem: why, in sentences.
    """
    text = f"DVS lists its transaction, but it can't be read: it is neither confirmed nor missing. {problem}"
    return _discrepancy(DiscrepancyKind.UNREADABLE, text, known, known.transaction_id, None, None)


def unreadable_here(entry: UnreadableEntry) -> Discrepancy:
    """Return the discrepancy of a transaction of no row in the ledger that can't be read."""
    return Discrepancy(
        kind=DiscrepancyKind.UNREADABLE,
        message=f"{entry.sentence()}. The ledger does not know it. Ask DT One, or the program that sent it.",
        external_id=entry.external_id,
        transaction_id=entry.id,
    )


def is_foreign(known: KnownAttempt) -> bool:
    """Return True if a person decided that the transaction with an attempt's external ID is not the row's."""
    return known.resolution is Resolution.TAKEN and known.state is RowState.FAILED


def _in_identity(known: KnownAttempt, transaction: TransactionOutcome) -> Iterable[tuple[DiscrepancyKind, str]]:
    if known.transaction_id is None and known.state is RowState.COMPLETED:
        text = (
            f"The ledger has it {known.state} without a transaction, but DVS lists {_described(transaction)}. "
            "Ask DT One whether that is the payment."
        )
        yield DiscrepancyKind.OTHER_TRANSACTION, text
    elif known.transaction_id is not None and known.transaction_id != transaction.id:
        text = (
            f"The ledger has transaction {known.transaction_id}, but DVS lists {_described(transaction)} "
            "with its external ID. Ask DT One which of them was paid."
        )
        yield DiscrepancyKind.OTHER_TRANSACTION, text


def _in_request(known: KnownAttempt, transaction: TransactionOutcome) -> Iterable[tuple[DiscrepancyKind, str]]:
    if known.resolution is Resolution.ACCEPTED:
        return
    request = request_of(known.attempt)
    if known.is_purged:
        request = request.model_copy(update={"credit_party_identifier": transaction.credit_party_identifier})
    if found := differences_from(request, transaction, needs_all=False):
        text = f"The transaction with its external ID differs from the request: {'; '.join(found)}."
        yield DiscrepancyKind.DIFFERENT_REQUEST, f"{text} Compare both before paying again."


def _in_price(known: KnownAttempt, transaction: TransactionOutcome) -> Iterable[tuple[DiscrepancyKind, str]]:
    here, there = ledger_entry(known, is_listed=True), dvs_entry(transaction, known)
    is_open = there.state is RowState.ACCEPTED  # such an answer may leave the price out
    if here is None or (is_open and there.cost is None):
        return
    if there.state is known.state is RowState.COMPLETED and here.cost is None and there.cost is None:
        text = f"Completed as {_described(transaction)}, whose price DVS does not state. Ask DT One what was charged."
        yield DiscrepancyKind.CHARGE_UNKNOWN, text
    elif (here.cost, here.cost_unit) != (there.cost, there.cost_unit):
        text = f"The ledger has {_price(here)}, DVS has {_price(there)}. Ask DT One what was charged."
        yield DiscrepancyKind.DIFFERENT_PRICE, text


def _in_price_not_asked(transaction: TransactionOutcome) -> Iterable[tuple[DiscrepancyKind, str]]:
    text = (
        f"DVS lists {_described(transaction)} without its price, which was not asked for, after those of many others. "
        "Compare a shorter time, with --from and --to."
    )
    yield DiscrepancyKind.PRICE_NOT_ASKED, text


def _in_status(known: KnownAttempt, transaction: TransactionOutcome) -> Iterable[tuple[DiscrepancyKind, str]]:
    there = state_for(transaction)
    if not known.is_latest and there in {RowState.COMPLETED, RowState.ACCEPTED}:
        text = (
            f"Attempt {known.attempt.number} failed in the ledger, but DVS has {_described(transaction)}. "
            "The row may be paid more than once. Ask DT One now."
        )
        yield DiscrepancyKind.EARLIER_ATTEMPT, text
    elif known.state is RowState.COMPLETED and there is RowState.REVERSED:
        yield DiscrepancyKind.REVERSED_LATER, f"The row was completed, then reversed by DVS. {_APPLY}"
    elif known.state is not there or (
        known.state is not RowState.COMPLETED and known.status_message != transaction.status.message
    ):
        fix = _APPLY if _can_move(known.state, there) else "Ask DT One for the outcome before paying again."
        status = f"{known.state} ({known.status_message or 'creation refused'})"
        yield (
            DiscrepancyKind.DIFFERENT_STATUS,
            f"The ledger has it {status}, DVS has {_described(transaction)}. {fix}",
        )


def _can_move(before: RowState, there: RowState) -> bool:
    """Return True if the status of a row's own transaction may move the row."""
    return before in {RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.CONFLICT} or (before, there) in {
        (RowState.COMPLETED, RowState.REVERSED),
        (RowState.FAILED, RowState.COMPLETED),
        (RowState.FAILED, RowState.ACCEPTED),
    }


def _resolve(known: KnownAttempt) -> str:
    command = f"bulk-topup conflict resolve {shlex.quote(known.run)} --rows {known.line} --reason TEXT --state STATE"
    return f"Find out its outcome, then run `{command}`."


def _price(entry: Entry) -> str:
    return "no price" if entry.cost is None else format_money(entry.cost, entry.cost_unit or "(unknown currency)")


def _described(transaction: TransactionOutcome) -> str:
    return f"transaction {transaction.id} ({transaction.status.message})"


def _discrepancy(
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
