"""Decide what a transaction of the provider means for a row: from a request and a transaction to a move; pure."""

from dataclasses import replace
from typing import Any

from bulk_topup.domain.attempt import Attempt, Facts, HintedAttempt, KnownAttempt, Move, PricedAttempt
from bulk_topup.domain.charge import CHARGED_STATES, price_problem
from bulk_topup.domain.decline_advice import decline_sentence
from bulk_topup.domain.denominations import changed_denomination, delivery_of
from bulk_topup.domain.echo import differences_from
from bulk_topup.domain.purchase_secrets import NO_SECRETS, PurchaseSecrets
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import Price
from bulk_topup.dvs.models.transaction import TransactionOutcome, TransactionRequest
from bulk_topup.dvs.statuses import StatusClass, class_of


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
        secrets=_secrets_of(transaction),
        delivery=delivery_of(transaction),
        expires_at=transaction.confirmation_expiration_date,
    )


def _secrets_of(transaction: TransactionOutcome) -> PurchaseSecrets:
    """Return the secrets that a transaction states."""
    pin, esim = transaction.pin, transaction.esim
    if pin is None and esim is None:
        return NO_SECRETS
    return PurchaseSecrets(
        pin_code=pin.code if pin else None,
        pin_serial=pin.serial if pin and pin.serial else esim.iccid if esim else None,
        esim_activation_code=esim.activation_code if esim else None,
        esim_apple_universal_link=esim.apple_universal_link if esim else None,
        esim_android_universal_link=esim.android_universal_link if esim else None,
        esim_installation_url=esim.installation_url if esim else None,
    )


def move_for(
    attempt: Attempt, before: RowState, transaction: TransactionOutcome, cause: str, *, found_by_id: bool = False
) -> Move:
    """Return the move that a transaction causes; one that is not the row's own, or has no right price, is a conflict.

    A conflict has the facts of its transaction, but no PIN unless it is the row's own; none of another external ID.

    Args:
        attempt: the row's latest attempt.
        before: the row's present state.
        transaction: the provider's record.
        cause: the source of the knowledge, for the event log.
        found_by_id: whether only its external ID says that it is ours, so that party and amount must be stated too.
    """
    request, facts = request_of(attempt), facts_of(transaction)
    after, message = state_for(transaction), ""
    kept: Facts | None = facts
    if differences := differences_from(request, transaction, needs_all=found_by_id):
        after = RowState.CONFLICT
        message = (
            f"DVS has another transaction under {attempt.external_id} (ID {transaction.id}, "
            f"{transaction.status.message}): {'; '.join(differences)}. Compare both before paying."
        )
        is_ours = transaction.external_id == attempt.external_id
        kept = replace(facts, secrets=NO_SECRETS) if is_ours else None
    elif after in CHARGED_STATES and (changed := changed_denomination(attempt, request, transaction)):
        after = RowState.CONFLICT
        message = (
            f"DVS sold {changed} for {attempt.external_id}. Transaction {transaction.id} is "
            f"{transaction.status.message}. Find out what the beneficiary got."
        )
    elif after in CHARGED_STATES and (problem := price_problem(attempt, facts.price, facts.fee, facts.price_unit)):
        after = RowState.CONFLICT
        message = f"{problem} Transaction {transaction.id} is {transaction.status.message}. Ask DT One."
    elif after is RowState.FAILED:
        message = decline_sentence(transaction.status.message)
    return Move(
        row_id=attempt.row_id,
        attempt=attempt.number,
        before=before,
        after=after,
        cause=cause,
        message=message,
        facts=kept,
    )


def move_out_of_conflict(known: PricedAttempt, transaction: TransactionOutcome, cause: str) -> Move | None:
    """Return the move by which a transaction ends its row's conflict; None if it is no proof.

    What it leaves out is no proof: it must state party and amount, which may be what an earlier answer had otherwise,
    and a price where the one that is known can't be right.

    Args:
        known: the row's latest attempt, with the price that is known of its transaction.
        transaction: the provider's record.
        cause: the source of the knowledge, for the event log.
    """
    move = move_for(known.attempt, RowState.CONFLICT, transaction, cause, found_by_id=True)
    if move.after is RowState.CONFLICT:
        return None
    is_unpriced = move.facts is None or move.facts.price is None
    if move.after in CHARGED_STATES and is_unpriced:
        return None if price_problem(known.attempt, known.price, known.fee, known.price_unit) else move
    return move


def reversal_of_forgotten(
    hint: HintedAttempt | KnownAttempt, transaction: TransactionOutcome, cause: str
) -> Move | None:
    """Return the move of a completed row of a purged run whose payment was reversed; None for anything else.

    The credit party is purged, so the IDs alone prove that the transaction is the row's. No secret is recorded again.
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
        facts=replace(facts_of(transaction), secrets=NO_SECRETS),
    )
