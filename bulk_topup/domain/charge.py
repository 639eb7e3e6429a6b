"""Judge the price that DVS states for a transaction, and decide which prices are charges; pure."""

from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.money import format_money
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.statuses import StatusClass

#: Classes of statuses in which nothing is charged or on hold; of any other class, the price is.
UNCHARGED_CLASSES: Final = (
    *(class_.name for class_ in StatusClass if class_.is_unsuccessful),
    StatusClass.REVERSED.name,
)
#: States of rows in which the price of such a transaction is charged or on hold.
CHARGED_STATES: Final = (RowState.ACCEPTED, RowState.COMPLETED, RowState.CONFLICT)


def price_problem(attempt: Attempt, price: Decimal | None, fee: Decimal | None, unit: str | None) -> str | None:
    """Return why a price can't be right, as a sentence; None if it may be, or if DVS states none.

    Args:
        attempt: the row's attempt, with the currency of its planned cost.
        price: the price of its transaction, in `unit`.
        fee: its fee, in `unit`.
        unit: the currency of both; None if DVS states none.
    """
    if price is None:
        return None
    stated = format_money(price, unit or "(unknown currency)")
    if fee:
        stated = f"{stated} and a fee of {format_money(fee, unit or '(unknown currency)')}"
    if price < 0 or (fee is not None and fee < 0):
        return f"DVS charges {stated} for {attempt.external_id}, a price below 0."
    if unit and attempt.cost_unit and unit != attempt.cost_unit:
        return f"DVS charges {stated} for {attempt.external_id}, but the plan is in {attempt.cost_unit}."
    return None
