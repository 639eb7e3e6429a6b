"""Looks up transactions at DVS by their external IDs; sends no payment."""

from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import Transaction


async def find_by_external_id(dvs: AsyncDVS, external_id: str) -> Transaction | None:
    """Return the transaction with an external ID; None if DVS has none.

    Raises:
        DVSError: DVS did not respond.
    """
    page = await dvs.transactions.list(external_id=external_id).page()
    return next((each for each in page.items if each.external_id == external_id), None)
