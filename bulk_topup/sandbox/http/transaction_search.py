"""Finds transactions by the filters of the reference (Transactions, list); touches nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bulk_topup.dvs import field_limits
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.entries import is_of
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.http.query import Query
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.transaction import Transaction

#: The longest window of creation dates, and the window if no dates are given.
LONGEST_WINDOW = timedelta(hours=24)


def search(provider: Provider, query: Query) -> Sequence[int]:
    """Return the IDs of the transactions that match every filter, oldest first.

    Raises:
        ErrorResponse: a filter is invalid, or the dates are more than 24 hours apart (1000400).
    """
    now = provider.now()
    external_id = query.text("external_id")
    window = _window(query, now, always=external_id is None)
    found: Sequence[int] = provider.created_between(*window) if window else ()
    if external_id is not None:
        one = provider.by_external_id(external_id)
        found = [one.id] if one is not None and (window is None or one.id in found) else []
    type_ = query.one_of("product_type", ProductType)
    service_id, subservice_id = query.integer("service_id"), query.integer("subservice_id")
    country = query.matching("country_iso_code", field_limits.COUNTRY_ISO_CODE)
    operator_id = query.integer("operator_id")
    status_id = query.integer("status_id", low=0)
    number = query.matching("credit_party_mobile_number", field_limits.E164)
    account = query.text("credit_party_account_number")
    if account is not None and len(account) > field_limits.ACCOUNT_NUMBER_MAX_LENGTH:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "query parameter credit_party_account_number is not valid")
    filters = (type_, service_id, subservice_id, country, operator_id, status_id, number, account)
    if all(value is None for value in filters):
        return found

    def matches(transaction: Transaction) -> bool:
        product, party = transaction.quote.product, transaction.request.credit_party_identifier
        return (
            (status_id is None or transaction.status(now).id == status_id)
            and number in {None, party and party.mobile_number}
            and account in {None, party and party.account_number}
            and type_ in {None, product.type}
            and is_of(
                product,
                service_id=service_id,
                subservice_id=subservice_id,
                country_iso_code=country,
                operator_id=operator_id,
            )
        )

    return [id_ for id_ in found if matches(provider.get(id_))]


def _window(query: Query, now: datetime, *, always: bool) -> tuple[datetime, datetime] | None:
    """Return the window of creation dates: without dates the last 24 hours if `always`, otherwise None."""
    first, last = query.moment("from_date"), query.moment("to_date")
    if first is None and last is None:
        return (now - LONGEST_WINDOW, now) if always else None
    first = first or _shifted(last or now, -LONGEST_WINDOW)
    last = last or _shifted(first, LONGEST_WINDOW)
    if not timedelta(0) <= last - first <= LONGEST_WINDOW:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "to_date must be at most 24 hours after from_date")
    return first, last


def _shifted(moment: datetime, by: timedelta) -> datetime:
    """Return a time that much later or earlier, at most the first or last one of the calendar."""
    try:
        return moment + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if by > timedelta(0) else datetime.min.replace(tzinfo=UTC)
