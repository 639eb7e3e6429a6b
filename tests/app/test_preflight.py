"""Checks before anything is sent, and what their errors say."""

from decimal import Decimal

import pytest

from bulk_topup.app.preflight import check_balance
from bulk_topup.errors import BalanceTooLowError
from bulk_topup.plan import BalanceCheck


@pytest.mark.parametrize(
    ("available", "limit", "message"),
    [
        ("20", None, "and 20.00 USD is available. Nothing was sent."),
        ("-10", "50", "and -10.00 USD is available, with a credit limit of 50.00 USD. Nothing was sent."),
    ],
)
def test_a_low_balance_is_shown_with_its_credit_limit(available: str, limit: str | None, message: str) -> None:
    credit = None if limit is None else Decimal(limit)
    check = BalanceCheck(unit="USD", available=Decimal(available), credit_limit=credit, cost=Decimal("40.01"))
    with pytest.raises(BalanceTooLowError, match=message.replace(".", r"\.")):
        check_balance([check])


def test_a_credit_limit_covers_the_cost() -> None:
    check_balance([BalanceCheck(unit="USD", available=Decimal(-10), credit_limit=Decimal(50), cost=Decimal(40))])
