"""Decide what a transaction of the provider means for a row: from a request and a transaction to a move; pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from bulk_topup.domain.attempt import Attempt, Facts, HintedAttempt, KnownAttempt, Move
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.sameness import folded, folded_without_case, modern_mobile_number
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import Amount, Price
from bulk_topup.dvs.models.transaction import TransactionOutcome, TransactionRequest
from bulk_topup.dvs.statuses import StatusClass, class_of

#: How the parts of equal credit parties are the same.
_EQUAL_FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "mobile_number": modern_mobile_number,
    "account_number": folded,
    "account_qualifier": folded_without_case,
}


def request_of(attempt: Attempt) -> TransactionRequest:
    """Return an attempt's request: the stored body under the attempt's external ID."""
    return TransactionRequest.model_validate(body_of(attempt, None))


def body_of(attempt: Attempt, callback_url: str | None) -> dict[str, Any]:
    """Return the body of an attempt's request as it is sent, with the callback URL if there is one."""
    stored: dict[str, Any] = codec.decode(attempt.request)
    callback = {"callback_url": callback_url} if callback_url is not None else {}
    return {**stored, **callback, "external_id": attempt.external_id}


def state_for(transaction: TransactionOutcome) -> RowState:
    """Return the row's state by the class of the transaction's status; an unknown class is never final."""
    class_ = class_of(transaction.status)
    if class_ is StatusClass.COMPLETED:
        return RowState.COMPLETED
    if class_ is StatusClass.REVERSED:
        return RowState.REVERSED
    if class_ is not None and class_.is_unsuccessful:
        return RowState.FAILED
    return RowState.ACCEPTED


def facts_of(transaction: TransactionOutcome) -> Facts:
    """Return what the ledger records of a transaction."""
    wholesale = transaction.prices.wholesale if transaction.prices else Price()
    return Facts(
        transaction_id=transaction.id,
        creation_date=transaction.creation_date,
        status_class=transaction.status.class_.message,
        status_message=transaction.status.message,
        price=wholesale.amount,
        fee=wholesale.fee,
        price_unit=wholesale.unit,
        operator_reference=transaction.operator_reference,
        pin_code=transaction.pin.code if transaction.pin else None,
        pin_serial=transaction.pin.serial if transaction.pin else None,
        expires_at=transaction.confirmation_expiration_date,
    )


def move_for(
    attempt: Attempt, before: RowState, transaction: TransactionOutcome, cause: str, *, found_by_id: bool = False
) -> Move:
    """Return the move that a transaction causes; a transaction that is not the row's own is a conflict.

    Args:
        attempt: the row's latest attempt.
        before: the row's present state.
        transaction: the provider's record.
        cause: the source of the knowledge, for the event log.
        found_by_id: whether only its external ID says that it is ours, so that its amount must be stated too.
    """
    differences = differences_from(request_of(attempt), transaction, needs_amount=found_by_id)
    if differences:
        return Move(
            row_id=attempt.row_id,
            attempt=attempt.number,
            before=before,
            after=RowState.CONFLICT,
            cause=cause,
            message=(
                f"DVS has another transaction under {attempt.external_id} (ID {transaction.id}, "
                f"{transaction.status.message}): {'; '.join(differences)}. Compare both before paying."
            ),
        )
    after = state_for(transaction)
    return Move(
        row_id=attempt.row_id,
        attempt=attempt.number,
        before=before,
        after=after,
        cause=cause,
        message=f"DVS returned {transaction.status.message}." if after is RowState.FAILED else "",
        facts=facts_of(transaction),
    )


def reversal_of_forgotten(
    hint: HintedAttempt | KnownAttempt, transaction: TransactionOutcome, cause: str
) -> Move | None:
    """Return the move of a completed row of a purged run whose payment was reversed; None for anything else.

    The credit party is purged, so the IDs alone prove that the transaction is the row's, and no PIN is recorded again.
    """
    is_own = (transaction.id, transaction.external_id) == (hint.transaction_id, hint.attempt.external_id)
    if not is_own or hint.state is not RowState.COMPLETED or state_for(transaction) is not RowState.REVERSED:
        return None
    return Move(
        row_id=hint.attempt.row_id,
        attempt=hint.attempt.number,
        before=hint.state,
        after=RowState.REVERSED,
        cause=cause,
        facts=replace(facts_of(transaction), pin_code=None, pin_serial=None),
    )


def differences_from(request: TransactionRequest, transaction: TransactionOutcome, *, needs_amount: bool) -> list[str]:
    """Return how a transaction differs from its request in external ID, product, credit party, bill and amount.

    Another spelling of an equal party is none: a lost ledger may have sent it as the list had it then.

    Args:
        request: what was sent.
        transaction: the provider's record.
        needs_amount: whether an amount that the transaction does not state counts as a difference.
    """
    differences = []
    if transaction.external_id != request.external_id:
        differences.append(f"external ID {transaction.external_id} instead of {request.external_id}")
    if transaction.product.id != request.product_id:
        differences.append(f"product {transaction.product.id} instead of {request.product_id}")
    wanted = request.credit_party_identifier
    found = transaction.credit_party_identifier
    for name, equal_form in _EQUAL_FORMS.items():
        ours = getattr(wanted, name, None)
        theirs = getattr(found, name, None)
        if equal_form(ours or "") != equal_form(theirs or ""):
            differences.append(f"{name.replace('_', ' ')} {theirs or 'none'} instead of {ours or 'none'}")
    ours, theirs = _bill_of(request), _bill_of(transaction)
    if ours and theirs and folded_without_case(ours) != folded_without_case(theirs):
        differences.append(f"bill {theirs} instead of {ours}")
    for side in ("source", "destination"):
        requested: Amount | None = getattr(request, side)
        if requested is not None:
            recorded: Amount | None = getattr(transaction.requested_values, side, None)
            if recorded is None and not needs_amount:
                continue
            if recorded is None or (recorded.unit, recorded.amount) != (requested.unit, requested.amount):
                theirs = "not stated" if recorded is None else f"{format_plain(recorded.amount)} {recorded.unit}"
                differences.append(
                    f"{side} amount {theirs} instead of {format_plain(requested.amount)} {requested.unit}"
                )
    return differences


def _bill_of(side: TransactionRequest | TransactionOutcome) -> str:
    """Return the reference of the bill; empty without one, or if DVS does not state it."""
    return (side.statement_identifier.reference or "") if side.statement_identifier is not None else ""
