"""Looks up transactions at DVS by their external IDs; sends no payment."""

from bulk_topup.domain.earlier_identities import ListedTransaction
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import Party, Transaction


async def find_by_external_id(dvs: AsyncDVS, external_id: str) -> Transaction | None:
    """Return the transaction with an external ID; None if DVS has none.

    Raises:
        DVSError: DVS did not respond.
    """
    page = await dvs.transactions.list(external_id=external_id).page()
    return next((each for each in page.items if each.external_id == external_id), None)


def listed_transaction(transaction: Transaction) -> ListedTransaction:
    """Return what a transaction says about the row that it paid."""
    party, bill = transaction.credit_party_identifier or Party(), transaction.statement_identifier
    return ListedTransaction(
        external_id=transaction.external_id,
        product_id=transaction.product.id,
        party=(party.mobile_number, party.account_number, party.account_qualifier),
        bill=None if bill is None else bill.reference,
    )
