"""Define the endpoints that create, confirm, cancel and list transactions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator, TypeAdapter

from bulk_topup.dvs.errors import NotFoundError, UnreadableBodyError
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.dvs.models.transaction import Transaction, TransactionOutcome, TransactionRequest
from bulk_topup.dvs.pagination import Pages, PagesInParts
from bulk_topup.dvs.request_retries import RetryPolicy
from bulk_topup.dvs.resources.caller import Caller, query_params
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.dvs.unreadable import UnreadableEntry

T = TypeVar("T", bound=TransactionOutcome)


def _add_external_id(value: Any) -> Any:  # noqa: ANN401 - before it is read, it is anything
    """Return a listed transaction with an empty external ID if it states none, as those of other programs may."""
    if isinstance(value, dict) and value.get("external_id") is None:
        return {**value, "external_id": ""}
    return value


_TRANSACTION = TypeAdapter(Transaction)
_TRANSACTION_OUTCOME = TypeAdapter(TransactionOutcome)
#: Only a list shows transactions of other programs: a single one has to state the external ID that was asked for.
_LISTED_TRANSACTION: TypeAdapter[Transaction] = TypeAdapter(Annotated[Transaction, BeforeValidator(_add_external_id)])
_LISTED_OUTCOME: TypeAdapter[TransactionOutcome] = TypeAdapter(
    Annotated[TransactionOutcome, BeforeValidator(_add_external_id)]
)


#: The longest window of creation dates that DVS lists at once (reference: Transactions, list).
LONGEST_WINDOW = timedelta(hours=24)

MICROSECOND = timedelta(microseconds=1)

#: Seconds to wait for a synchronous response: DVS may take 180 (reference: Synchronous).
SYNC_TIMEOUT = 190.0


def windows(start: datetime | None, end: datetime | None) -> list[tuple[datetime | None, datetime | None]]:
    """Return a time span as windows that DVS can list, each of whole microseconds, without gap or overlap.

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
    """Return a timezone-aware time in the form of DVS: UTC, nine digits of fraction, Z.

    Args:
        moment: the time, in microseconds.
        through: whether to return the end of that microsecond instead of its start, since DVS counts nanoseconds.

    Raises:
        ValueError: the time has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone. Add one, e.g. datetime.now(UTC).")
    return moment.astimezone(UTC).strftime(f"%Y-%m-%dT%H:%M:%S.%f{'999' if through else '000'}Z")


def _set_fields(request: TransactionRequest) -> dict[str, object]:
    """Return a request's body without fields that are not set, and without empty groups, which DVS refuses."""
    return {name: value for name, value in request.model_dump(exclude_none=True).items() if value != {}}


class _Transactions(Generic[T]):
    def __init__(self, caller: Caller, model: TypeAdapter[T], listed: TypeAdapter[T]) -> None:
        self._caller = caller
        self._model = model
        self._listed = listed

    async def create_async(
        self,
        request: TransactionRequest | Mapping[str, object],
        *,
        retries: RetryPolicy | None = None,
        admitted: bool = False,
    ) -> T:
        """Create a transaction in asynchronous mode; check the status of the result, which may be REJECTED.

        Repeats the request with the same external ID, which DVS accepts only once.

        Args:
            request: the transaction, or its body in plain values, which is sent unchanged.
            retries: a policy instead of the client's.
            admitted: whether the caller has already waited with the client's `limiter.acquire`.

        Raises:
            NoResponseError, InvalidResponseError, ServerError: it is unknown whether it was created.
            ExternalIdAlreadyUsedError: a transaction with this external ID exists (1007001).
            InsufficientBalanceError: the wallet's balance is too low (1006001).
            BadRequestError, NotFoundError: DVS refused it; unless `after_unknown`, nothing was created.
        """
        body = request if isinstance(request, Mapping) else _set_fields(request)
        return await self._caller.request(
            "POST", "/async/transactions", self._model, body=body, retries=retries, admitted=admitted
        )

    async def create_sync(self, request: TransactionRequest, *, retries: RetryPolicy | None = None) -> T:
        """Create a transaction in synchronous mode: with `auto_confirm` DVS responds when it is final, or after 180 s.

        Raises:
            The same as `create_async`.
        """
        body = {name: value for name, value in _set_fields(request).items() if name != "callback_url"}
        return await self._caller.request(
            "POST", "/sync/transactions", self._model, body=body, retries=retries, timeout=SYNC_TIMEOUT
        )

    async def confirm_async(self, transaction_id: int) -> T:
        """Confirm a CREATED transaction before its `confirmation_expiration_date`.

        Raises:
            BadRequestError: it was confirmed already (1007002) or can no longer be (1007004).
            NotFoundError: there is no such transaction (1008004).
            UnreadableBodyError: DVS answered with another transaction, so it is unknown whether it was confirmed.
        """
        return await self._request_one("POST", "/async/transactions/{}/confirm", transaction_id)

    async def confirm_sync(self, transaction_id: int) -> T:
        """Confirm a CREATED transaction; DVS responds when it is final, or after 180 s.

        Raises:
            The same as `confirm_async`.
        """
        return await self._request_one("POST", "/sync/transactions/{}/confirm", transaction_id, timeout=SYNC_TIMEOUT)

    async def cancel(self, transaction_id: int) -> T:
        """Cancel a CREATED transaction, which releases the amount on hold.

        Raises:
            BadRequestError: it was cancelled already (1007005) or can no longer be (1007007).
            NotFoundError: there is no such transaction (1008004).
            UnreadableBodyError: DVS answered with another transaction, so it is unknown whether it was cancelled.
        """
        return await self._request_one("POST", "/transactions/{}/cancel", transaction_id)

    async def get(self, transaction_id: int) -> T:
        """Fetch one transaction by the provider's ID.

        Raises:
            NotFoundError: there is no such transaction (1008004).
            UnreadableBodyError: DVS answered with another transaction, which says nothing of this one.
        """
        return await self._request_one("GET", "/transactions/{}", transaction_id)

    async def _request_one(
        self,
        method: str,
        path: str,
        transaction_id: int,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - of one response, not of all tries
    ) -> T:
        """Send a request about one transaction, and return that one; never another, e.g. from a gateway's cache."""
        found = await self._caller.request(method, path.format(transaction_id), self._model, timeout=timeout)
        if found.id != transaction_id:
            raise UnreadableBodyError(
                f"DVS answered a request about transaction {transaction_id} with transaction {found.id}."
            )
        return found

    async def find(self, external_id: str) -> tuple[T | None, int]:
        """Return the transaction with an external ID, and how many others DVS lists instead of it.

        An entry that can't be read may be that transaction, so it is never taken for none: it is fetched by DVS's ID.

        Raises:
            UnreadableBodyError: such an entry can't be read there either, or an entry states no external ID.
        """
        page = await self.list(external_id=external_id).page()
        own = next((each for each in page.items if each.external_id == external_id), None)
        if own is not None:
            return own, 0
        for each in page.items:
            if not each.external_id:
                raise UnreadableBodyError(f"DVS lists transaction {each.id} for external ID {external_id} without it.")
        for entry in page.unreadable:
            if entry.may_have(external_id) and (found := await self.read_again(entry)).external_id == external_id:
                return found, 0
        return None, len(page.items) + len(page.unreadable)

    async def read_again(self, entry: UnreadableEntry) -> T:
        """Fetch the transaction of an entry that can't be read in its list.

        Raises:
            UnreadableBodyError: it can't be read by itself either, is not found, or is another transaction.
        """
        if entry.id is None:
            raise UnreadableBodyError(f"{entry.sentence()}.")
        try:
            found = await self.get(entry.id)
        except NotFoundError:
            raise UnreadableBodyError(f"{entry.sentence()}. DVS does not find it by its ID.") from None
        except UnreadableBodyError:
            raise UnreadableBodyError(f"{entry.sentence()}. By its ID it can't be read either.") from None
        if entry.external_id not in {None, found.external_id}:
            raise UnreadableBodyError(f"DVS answered with another transaction than {entry.id}. {entry.sentence()}.")
        return found

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
        """List transactions; the timezone-aware dates bound the creation date, inclusive.

        The external ID of a transaction that states none is empty.

        DVS lists at most 24 hours at once: a longer time is fetched window by window, oldest first. With neither a date
        nor an external ID, DVS lists the last 24 hours.

        Raises:
            ValueError: `to_date` is before `from_date`.
        """
        filters = query_params(
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
                self._listed,
                params=filters
                | query_params(from_date=start and rfc3339(start), to_date=end and rfc3339(end, through=True)),
                empty_code=ErrorCode.TRANSACTION_NOT_FOUND,
            )
            for start, end in windows(from_date, to_date)
        ]
        return parts[0] if len(parts) == 1 else PagesInParts(parts)


class Transactions(_Transactions[Transaction]):
    """Transfers of value to beneficiaries (reference: Transactions)."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, _TRANSACTION, _LISTED_TRANSACTION)


class TransactionOutcomes(_Transactions[TransactionOutcome]):
    """The same endpoints, for many payments: only the fields that decide the outcome are read."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, _TRANSACTION_OUTCOME, _LISTED_OUTCOME)
