"""Looks up transactions at DVS by their external IDs; sends no payment."""

from bulk_topup.domain.earlier_identities import ListedTransaction
from bulk_topup.domain.moves import state_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, InvalidResponseError
from bulk_topup.dvs.models.transaction import Party, Transaction


async def find_by_external_id(dvs: AsyncDVS, external_id: str) -> Transaction | None:
    """Return the transaction with an external ID; None if DVS has none.

    Raises:
        InvalidResponseError: DVS listed other transactions alone, which is not taken for none.
        DVSError: DVS did not respond.
    """
    page = await dvs.transactions.list(external_id=external_id).page()
    found = next((each for each in page.items if each.external_id == external_id), None)
    if found is None and page.items:
        raise InvalidResponseError(f"DVS listed other transactions than {external_id}.")
    return found


def listed_transaction(transaction: Transaction) -> ListedTransaction:
    """Return what a transaction says about the row that it paid."""
    party, bill = transaction.credit_party_identifier or Party(), transaction.statement_identifier
    stated = transaction.requested_values
    sides = () if stated is None else (stated.source, stated.destination)
    return ListedTransaction(
        external_id=transaction.external_id,
        product_id=transaction.product.id,
        party=(party.mobile_number, party.account_number, party.account_qualifier),
        bill=None if bill is None else bill.reference,
        created_at=transaction.creation_date,
        amounts=tuple((side.unit, side.amount) for side in sides if side is not None),
        may_pay=state_for(transaction) not in {RowState.FAILED, RowState.REVERSED},
    )
