"""Endpoints that create, confirm, cancel and list transactions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Generic

from pydantic import TypeAdapter

from bulk_topup.dvs.models.product import ProductType
from bulk_topup.dvs.models.transaction import Transaction, TransactionOutcome, TransactionRequest
from bulk_topup.dvs.pagination import Pages, PagesInParts
from bulk_topup.dvs.request_retries import RetryPolicy
from bulk_topup.dvs.resources.caller import Caller, T, _query
from bulk_topup.dvs.statuses import ErrorCode

_TRANSACTION = TypeAdapter(Transaction)


_TRANSACTION_OUTCOME = TypeAdapter(TransactionOutcome)


#: The longest window of creation dates that DVS lists at once (reference: Transactions, list).
LONGEST_WINDOW = timedelta(hours=24)


MICROSECOND = timedelta(microseconds=1)


#: Seconds to wait for a synchronous answer: DVS holds the connection for up to 180 (reference: Synchronous).
SYNC_TIMEOUT = 190.0


def windows(start: datetime | None, end: datetime | None) -> list[tuple[datetime | None, datetime | None]]:
    """Cut a time span into windows that DVS lists, each of whole microseconds, without gap or overlap.

    Raises:
        ValueError: the end is before the start.
    """
    if start is None or end is None:
        return [(start, end)]
    if end < start:
        raise ValueError(f"to_date {end.isoformat()} is before from_date {start.isoformat()}")
    found: list[tuple[datetime | None, datetime | None]] = []
    while start <= end:
        last = min(end, start + LONGEST_WINDOW - MICROSECOND)
        found.append((start, last))
        start = last + MICROSECOND
    return found


def rfc3339(moment: datetime, *, through: bool = False) -> str:
    """Write a timezone-aware time as DVS writes its own: UTC, nine digits of fraction, Z.

    Args:
        moment: the time, in microseconds.
        through: write the end of that microsecond instead of its beginning, as DVS counts nanoseconds.

    Raises:
        ValueError: the time has no time zone, so nobody can know which moment it is.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; state one, e.g. datetime.now(UTC)")
    return moment.astimezone(UTC).strftime(f"%Y-%m-%dT%H:%M:%S.%f{'999' if through else '000'}Z")


class _Transactions(Generic[T]):
    def __init__(self, caller: Caller, model: TypeAdapter[T]) -> None:
        self._caller = caller
        self._model = model

    async def create_async(
        self,
        request: TransactionRequest | Mapping[str, object],
        *,
        retries: RetryPolicy | None = None,
        admitted: bool = False,
    ) -> T:
        """Create a transaction in asynchronous mode; read the status of what comes back, it may be a refusal.

        Tries again with the same external id, which DVS accepts once only.

        Args:
            request: the transaction; or its body in plain values, which is sent as it stands.
            retries: another policy than the client's.
            admitted: the caller has waited for its place in time, with the client's `limiter.acquire`.

        Raises:
            NoResponseError, InvalidResponseError, ServerError: nobody knows whether it was created.
            ExternalIdAlreadyUsedError: a transaction with this external id exists (1007001).
            InsufficientBalanceError: the wallet does not hold enough (1006001).
            BadRequestError, NotFoundError: DVS refused it; unless `after_unknown`, nothing was created.
        """
        body = request if isinstance(request, Mapping) else request.model_dump(exclude_none=True)
        return await self._caller.request(
            "POST", "/async/transactions", self._model, body=body, retries=retries, admitted=admitted
        )

    async def create_sync(self, request: TransactionRequest, *, retries: RetryPolicy | None = None) -> T:
        """Create a transaction in synchronous mode: with `auto_confirm` DVS answers once it is final, or after 180 s.

        Raises:
            The same as `create_async`.
        """
        body = request.model_dump(exclude_none=True, exclude={"callback_url"})
        return await self._caller.request(
            "POST", "/sync/transactions", self._model, body=body, retries=retries, timeout=SYNC_TIMEOUT
        )

    async def confirm_async(self, transaction_id: int) -> T:
        """Confirm a CREATED transaction before its `confirmation_expiration_date`.

        Raises:
            BadRequestError: it was confirmed already (1007002) or can no longer be (1007004).
            NotFoundError: there is no such transaction (1008004).
        """
        return await self._caller.request("POST", f"/async/transactions/{transaction_id}/confirm", self._model)

    async def confirm_sync(self, transaction_id: int) -> T:
        """Confirm a CREATED transaction; DVS answers once it is final, or after 180 s.

        Raises:
            The same as `confirm_async`.
        """
        path = f"/sync/transactions/{transaction_id}/confirm"
        return await self._caller.request("POST", path, self._model, timeout=SYNC_TIMEOUT)

    async def cancel(self, transaction_id: int) -> T:
        """Cancel a CREATED transaction, which releases the held balance.

        Raises:
            BadRequestError: it was cancelled already (1007005) or can no longer be (1007007).
            NotFoundError: there is no such transaction (1008004).
        """
        return await self._caller.request("POST", f"/transactions/{transaction_id}/cancel", self._model)

    async def get(self, transaction_id: int) -> T:
        """Fetch one transaction by the provider's id.

        Raises:
            NotFoundError: there is no such transaction (1008004).
        """
        return await self._caller.request("GET", f"/transactions/{transaction_id}", self._model)

    def list(
        self,
        *,
        external_id: str | None = None,
        product_type: ProductType | None = None,
        service_id: int | None = None,
        subservice_id: int | None = None,
        country_iso_code: str | None = None,
        operator_id: int | None = None,
        status_id: int | None = None,
        credit_party_mobile_number: str | None = None,
        credit_party_account_number: str | None = None,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
    ) -> Pages[T]:
        """List transactions; dates (timezone-aware) bound the creation date, inclusive.

        DVS lists at most 24 hours at once: dates that are further apart are asked for window by window, oldest first.
        With neither a date nor an external id, DVS gives the last 24 hours.

        Raises:
            ValueError: `to_date` is before `from_date`.
        """
        filters = _query(
            external_id=external_id,
            product_type=product_type,
            service_id=service_id,
            subservice_id=subservice_id,
            country_iso_code=country_iso_code,
            operator_id=operator_id,
            status_id=status_id,
            credit_party_mobile_number=credit_party_mobile_number,
            credit_party_account_number=credit_party_account_number,
        )
        parts = [
            self._caller.pages(
                "/transactions",
                self._model,
                params=filters | _query(from_date=start and rfc3339(start), to_date=end and rfc3339(end, through=True)),
                empty_code=ErrorCode.TRANSACTION_NOT_FOUND,
            )
            for start, end in windows(from_date, to_date)
        ]
        return parts[0] if len(parts) == 1 else PagesInParts(parts)


class Transactions(_Transactions[Transaction]):
    """Transfers of value to beneficiaries (reference: Transactions)."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, _TRANSACTION)


class TransactionOutcomes(_Transactions[TransactionOutcome]):
    """The same calls for who pays many: of each transaction only what decides over its payment is read."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, _TRANSACTION_OUTCOME)
