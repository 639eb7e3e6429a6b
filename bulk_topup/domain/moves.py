"""What an answer of the provider means for a row: pure functions from a request and a transaction to a move."""

from dataclasses import replace
from typing import Any

from bulk_topup.domain.attempt import Attempt, Facts, HintedAttempt, KnownAttempt, Move
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import Amount, Price
from bulk_topup.dvs.models.transaction import TransactionOutcome, TransactionRequest
from bulk_topup.dvs.statuses import StatusClass, class_of


def request_of(attempt: Attempt) -> TransactionRequest:
    """Give an attempt's request as it is sent: the stored body under the attempt's external id."""
    return TransactionRequest.model_validate(body_of(attempt, None))


def body_of(attempt: Attempt, callback_url: str | None) -> dict[str, Any]:
    """Give the same as it leaves: with the address where the provider is to send changes of status, if there is one."""
    stored: dict[str, Any] = codec.decode(attempt.request)
    called = {"callback_url": callback_url} if callback_url is not None else {}
    return {**stored, **called, "external_id": attempt.external_id}


def state_for(transaction: TransactionOutcome) -> RowState:
    """Give the row's state by the class of the transaction's status; an unknown class is never final."""
    class_ = class_of(transaction.status)
    if class_ is StatusClass.COMPLETED:
        return RowState.COMPLETED
    if class_ is StatusClass.REVERSED:
        return RowState.REVERSED
    if class_ is not None and class_.is_unsuccessful:
        return RowState.FAILED
    return RowState.ACCEPTED


def facts_of(transaction: TransactionOutcome) -> Facts:
    """Give what the ledger keeps of a transaction."""
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
    """Give the move that a transaction asks for; a transaction that is not the row's own is a conflict.

    Args:
        attempt: the row's latest attempt.
        before: the state that the row is in.
        transaction: what the provider has.
        cause: what made us know.
        found_by_id: nothing but its external id says that it is ours, so it also has to state the amount.
    """
    differences = differences_from(request_of(attempt), transaction, demand_amount=found_by_id)
    if differences:
        return Move(
            row_id=attempt.row_id,
            attempt=attempt.number,
            before=before,
            after=RowState.CONFLICT,
            cause=cause,
            message=(
                f"The provider has another transaction under {attempt.external_id} (id {transaction.id}, "
                f"{transaction.status.message}): {'; '.join(differences)}. Compare both before anything is paid."
            ),
        )
    after = state_for(transaction)
    return Move(
        row_id=attempt.row_id,
        attempt=attempt.number,
        before=before,
        after=after,
        cause=cause,
        message=f"The provider answered {transaction.status.message}." if after is RowState.FAILED else "",
        facts=facts_of(transaction),
    )


def reversal_of_forgotten(
    hint: HintedAttempt | KnownAttempt, transaction: TransactionOutcome, cause: str
) -> Move | None:
    """Give the move of a paid row whose run was purged, where its payment was taken back; None for anything else.

    Whom it credited is forgotten, so the ids alone say that the transaction is its own, and no PIN comes back with it.
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


def differences_from(request: TransactionRequest, transaction: TransactionOutcome, *, demand_amount: bool) -> list[str]:
    """Tell in which of external id, product, credit party and amount a transaction is not what was requested.

    An amount that the transaction does not state counts as different where it is demanded.
    """
    differences = []
    if transaction.external_id != request.external_id:
        differences.append(f"external id {transaction.external_id} instead of {request.external_id}")
    if transaction.product.id != request.product_id:
        differences.append(f"product {transaction.product.id} instead of {request.product_id}")
    wanted = request.credit_party_identifier
    found = transaction.credit_party_identifier
    for name in ("mobile_number", "account_number", "account_qualifier"):
        ours = getattr(wanted, name, None)
        theirs = getattr(found, name, None)
        if ours != theirs:
            differences.append(f"{name.replace('_', ' ')} {theirs or 'none'} instead of {ours or 'none'}")
    for side in ("source", "destination"):
        asked: Amount | None = getattr(request, side)
        if asked is not None:
            stated: Amount | None = getattr(transaction.requested_values, side, None)
            if stated is None and not demand_amount:
                continue
            if stated is None or (stated.unit, stated.amount) != (asked.unit, asked.amount):
                theirs = "not stated" if stated is None else f"{format_plain(stated.amount)} {stated.unit}"
                differences.append(f"{side} amount {theirs} instead of {format_plain(asked.amount)} {asked.unit}")
    return differences
