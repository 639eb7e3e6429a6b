"""Asks DVS for the balances of wallets, and compares them with costs; sends no payment."""

import asyncio
from decimal import Decimal

from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.account import Balance
from bulk_topup.plan import BalanceCheck, check_balances


async def compare_balances(dvs: AsyncDVS, costs: dict[str, Decimal]) -> tuple[BalanceCheck, ...]:
    """Return the remaining cost beside the balance of each wallet.

    Args:
        dvs: an open client.
        costs: the remaining cost, per currency.

    Raises:
        DVSError: the balances cannot be fetched.
    """
    return tuple(check_balances(costs, await fetch_balances(dvs)))


async def fetch_balances(dvs: AsyncDVS, *, after: asyncio.Event | None = None) -> list[Balance]:
    """Return the balances of all wallets, asked for once `after` is set.

    Raises:
        DVSError: the balances cannot be fetched.
    """
    if after is not None:
        await after.wait()
    return [balance async for balance in dvs.balances.list()]
