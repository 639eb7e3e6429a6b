"""Looks up transactions at DVS by their external IDs; sends no payment."""

from collections.abc import Collection, Iterable

from bulk_topup.domain.attempt import KnownAttempt
from bulk_topup.domain.earlier_identities import ListedTransaction
from bulk_topup.domain.identity import looks_like
from bulk_topup.domain.moves import state_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, InvalidResponseError, NotFoundError
from bulk_topup.dvs.models.transaction import Party, Transaction, TransactionOutcome
from bulk_topup.dvs.unreadable import UnreadableEntry


async def find_by_external_id(dvs: AsyncDVS, external_id: str) -> Transaction | None:
    """Return the transaction with an external ID; None if DVS has none.

    Raises:
        InvalidResponseError: DVS listed other transactions alone, or one that can't be read, which is not taken for
            none.
        DVSError: DVS did not respond.
    """
    found, others = await dvs.transactions.find(external_id)
    if found is None and others:
        raise InvalidResponseError(f"DVS listed other transactions than {external_id}.")
    return found


async def find(dvs: AsyncDVS, known: KnownAttempt) -> Transaction | None:
    """Return an attempt's transaction; None if DVS has none.

    It is looked up by DVS's ID where that is known, and then by the external ID.

    Raises:
        DVSError: DVS did not respond.
    """
    if known.transaction_id is not None:
        try:
            return await dvs.transactions.get(known.transaction_id)
        except NotFoundError:
            pass
    return await find_by_external_id(dvs, known.attempt.external_id)


async def read_again(dvs: AsyncDVS, entries: Iterable[UnreadableEntry], jobs: Collection[str]) -> list[Transaction]:
    """Return the transactions of unreadable entries with the external IDs of jobs; those of others stay skipped.

    Raises:
        UnreadableBodyError: one of them can't be read by itself either.
        DVSError: DVS did not respond.
    """
    return [
        await dvs.transactions.read_again(entry)
        for entry in entries
        if entry.external_id is not None and looks_like(jobs, entry.external_id)
    ]


def listed_transaction(transaction: TransactionOutcome) -> ListedTransaction:
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
