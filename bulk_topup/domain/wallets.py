"""What an account has of each currency, whatever the number of its wallets; pure."""

from collections.abc import Iterable
from decimal import Decimal

from bulk_topup.domain.money import PRECISE
from bulk_topup.dvs.models.account import Balance


def balances_by_unit(balances: Iterable[Balance]) -> dict[str, Balance]:
    """Return the balance of each unit, in the order in which DVS lists them; wallets of one unit are added up.

    A request names no wallet, and DVS does not say which one it charges. So what is in all of them can be spent, until
    DVS refuses a transaction.
    """
    found: dict[str, Balance] = {}
    for balance in balances:
        found[balance.unit] = _sum(found[balance.unit], balance) if balance.unit in found else balance
    return found


def _sum(one: Balance, other: Balance) -> Balance:
    limits = [each.credit_limit for each in (one, other) if each.credit_limit is not None]
    return one.model_copy(
        update={
            "available": PRECISE.add(one.available, other.available),
            "holding": PRECISE.add(one.holding, other.holding),
            "credit_limit": PRECISE.add(limits[0], limits[-1] if len(limits) > 1 else Decimal(0)) if limits else None,
        }
    )
