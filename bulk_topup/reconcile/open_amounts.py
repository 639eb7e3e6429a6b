"""Gives rebuilt rows the amounts and bills of their transactions, where DVS was asked for them; pure."""

from dataclasses import replace

from bulk_topup.domain import fields
from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.transaction import StatementIdentifier, TransactionOutcome


def with_amount_of(attempt: Attempt, transaction: TransactionOutcome) -> Attempt:
    """Return an attempt with the amount and the bill that a transaction states under its external ID.

    What the transaction does not state stays, and then is a difference that a person judges.

    Args:
        attempt: an attempt whose amount is open.
        transaction: DVS's record.
    """
    body = codec.decode(attempt.request)
    amount = attempt.amount
    for side in ("source", "destination"):
        recorded = getattr(transaction.requested_values, side, None)
        if side in body and recorded is not None:
            amount = recorded.amount
            body[side]["amount"] = type(amount)(format_plain(amount))
    if (bill := transaction.statement_identifier) is not None:
        due = bill.due_date if isinstance(bill, StatementIdentifier) else None
        stated = {"reference": bill.reference, "due_date": None if due is None else due.isoformat()}
        own = body.get("statement_identifier") or {}
        named = {name: stated[name] or own.get(name) for name in stated}
        body["statement_identifier"] = {name: value for name, value in named.items() if value}
    groups = {group: body.pop(group) for group in fields.GROUPS if body.get(group)}
    return replace(attempt, request=codec.encode({**body, **groups}), amount=amount, cost=None)
