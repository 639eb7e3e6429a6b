"""The commands of DVS transactions: show, list, confirm, cancel."""

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from functools import partial

import click
import cloup

from bulk_topup.cli.commands.catalogue import ID, country_option, operator_option, service_option, subservice_option
from bulk_topup.cli.confirmation import confirm
from bulk_topup.cli.crash import record_start
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.times import parse_time
from bulk_topup.cli.query import INTERRUPTED, QueryOptions, fetch_all, is_production, print_query, query_options
from bulk_topup.dvs import AsyncDVS, DVSError, InvalidResponseError, NoResponseError
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.dvs.unreadable import UnreadableEntry
from bulk_topup.errors import TransactionNotFoundError
from bulk_topup.report import MASK

HEADINGS = ("id", "external id", "created (UTC)", "status", "product", "credit party", "amount", "price", "pin")

_reveal_option = cloup.option(
    "--reveal-pins", is_flag=True, help="Show PIN codes and eSIMs, not only that there are some."
)
_yes_option = cloup.option("--yes", is_flag=True, help="Skip the confirmation prompt of production.")


@cloup.group("transaction")
def transaction_group() -> None:
    """Show, confirm or cancel DVS transactions by hand.

    \b
    Example:
      bulk-topup transaction list
    """


@transaction_group.command("show")
@cloup.argument("transaction")
@_reveal_option
@query_options
def show_command(transaction: str, reveal_pins: bool, query: QueryOptions) -> None:
    """Show a transaction by its DVS ID or its external ID.

    \b
    Example:
      bulk-topup transaction show 2237512891
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Transaction]:
        dvs.on_unreadable = None  # one that its list spoils is shown all the same, or an error
        if transaction.isascii() and transaction.isdigit():
            return _masked([await dvs.transactions.get(int(transaction))], reveal_pins)
        listed: list[Transaction] = []
        unreadable: list[UnreadableEntry] = []
        async for page in dvs.transactions.list(external_id=transaction).pages():
            listed += page.items
            unreadable += page.unreadable
        found = [each for each in listed if each.external_id == transaction]
        if not found:
            for entry in unreadable:  # one that may be it is not absent
                if entry.may_have(transaction):
                    again = await dvs.transactions.read_again(entry)
                    if again.external_id == transaction:
                        found.append(again)
                        dvs.unreadable.discard(entry)
        if not found and listed:
            raise InvalidResponseError(f"DVS listed other transactions than {transaction}.")
        if not found:
            raise TransactionNotFoundError(
                f'DVS has no transaction with the external ID "{transaction}" in this account. Check it and --env.'
            )
        return _masked(found, reveal_pins)

    print_query(query, fetch, HEADINGS, partial(_row, query))


@transaction_group.command("list")
@cloup.option("--from", "from_date", metavar="TIME", callback=parse_time, help="Created at this time or later (UTC).")
@cloup.option("--to", "to_date", metavar="TIME", callback=parse_time, help="Created at this time or earlier (UTC).")
@cloup.option("--external-id", metavar="ID", help="With this external ID.")
@cloup.option("--type", "product_type", type=click.Choice([type_.value for type_ in ProductType]), help="Of this type.")
@cloup.option("--status-id", type=click.IntRange(min=0), metavar="ID", help="With this DVS status ID.")
@cloup.option("--status", "class_name", type=click.Choice([each.name for each in StatusClass]), help="Of this class.")
@country_option
@operator_option
@service_option
@subservice_option
@cloup.option("--mobile-number", help="That credit this number.")
@cloup.option("--account-number", help="That credit this account.")
@_reveal_option
@query_options
def list_command(
    from_date: datetime | None,
    to_date: datetime | None,
    external_id: str | None,
    product_type: str | None,
    status_id: int | None,
    class_name: str | None,
    country: str | None,
    operator: int | None,
    service: int | None,
    subservice: int | None,
    mobile_number: str | None,
    account_number: str | None,
    reveal_pins: bool,
    query: QueryOptions,
) -> None:
    """List transactions of the last 24 hours, or of any period.

    \b
    Example:
      bulk-topup transaction list --from 2026-11-01 --to 2026-11-08 --status DECLINED
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Transaction]:
        found = await fetch_all(
            dvs.transactions.list(
                external_id=external_id,
                product_type=ProductType(product_type) if product_type else None,
                status_id=status_id,
                country_iso_code=country,
                operator_id=operator,
                service_id=service,
                subservice_id=subservice,
                credit_party_mobile_number=mobile_number,
                credit_party_account_number=account_number,
                from_date=from_date,
                to_date=to_date,
            )
        )
        wanted = [each for each in found if class_name is None or each.status.class_.message == class_name]
        return _masked(wanted, reveal_pins)

    print_query(query, fetch, HEADINGS, partial(_row, query))


@transaction_group.command("confirm")
@cloup.argument("transaction_id", metavar="ID", type=ID)
@_yes_option
@query_options
def confirm_command(transaction_id: int, yes: bool, query: QueryOptions) -> None:
    """Confirm an unconfirmed transaction; the beneficiary is paid.

    \b
    Example:
      bulk-topup transaction confirm 2237512891
    """
    _confirm(query, yes, f"Pay transaction {transaction_id} with real money?")

    async def fetch(dvs: AsyncDVS) -> Sequence[Transaction]:
        return _masked([await _known(dvs.transactions.confirm_async(transaction_id), unknown)], reveal=False)

    unknown = _unknown(transaction_id, "confirmed and the beneficiary paid")
    print_query(query, fetch, HEADINGS, partial(_row, query), interrupted=f"{INTERRUPTED} {unknown}")


@transaction_group.command("cancel")
@cloup.argument("transaction_id", metavar="ID", type=ID)
@_yes_option
@query_options
def cancel_command(transaction_id: int, yes: bool, query: QueryOptions) -> None:
    """Cancel an unconfirmed transaction; its amount is no longer on hold.

    \b
    Example:
      bulk-topup transaction cancel 2237512891
    """
    _confirm(query, yes, f"Cancel transaction {transaction_id}?")

    async def fetch(dvs: AsyncDVS) -> Sequence[Transaction]:
        return _masked([await _known(dvs.transactions.cancel(transaction_id), unknown)], reveal=False)

    unknown = _unknown(transaction_id, "cancelled")
    print_query(query, fetch, HEADINGS, partial(_row, query), interrupted=f"{INTERRUPTED} {unknown}")


async def _known(change: Awaitable[Transaction], unknown: str) -> Transaction:
    """Return a changed transaction.

    Args:
        change: the request.
        unknown: the sentence for an unknown outcome.

    Raises:
        DVSError: it was not changed.
        NoResponseError: it is unknown whether it was changed, now or by an earlier try of the request.
    """
    record_start()
    try:
        return await change
    except DVSError as error:
        if not (error.outcome_unknown or error.after_unknown):
            raise
        raise NoResponseError(f"{str(error).rstrip('.')}. {unknown}") from error


def _unknown(transaction_id: int, what: str) -> str:
    return f"It may have been {what}: find out with `bulk-topup transaction show {transaction_id}`."


def _confirm(query: QueryOptions, is_confirmed: bool, question: str) -> None:
    if is_production(query) and not is_confirmed:
        with exit_on_error():
            confirm(question, needs="Production")


def _masked(transactions: Sequence[Transaction], reveal: bool) -> Sequence[Transaction]:
    return [each.with_masked_callback(MASK) if reveal else each.masked(MASK) for each in transactions]


def _row(query: QueryOptions, transaction: Transaction) -> tuple[object, ...]:
    party = transaction.credit_party_identifier
    requested = transaction.requested_values
    amount = (requested.destination or requested.source) if requested else None
    wholesale = transaction.prices.wholesale if transaction.prices else None
    return (
        transaction.id,
        transaction.external_id,
        f"{transaction.creation_date.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        transaction.status.message,
        transaction.product.id,
        (party.mobile_number or party.account_number) if party else None,
        query.money(amount.amount, amount.unit) if amount else None,
        query.money(wholesale.amount, wholesale.unit) if wholesale and wholesale.amount is not None else None,
        transaction.pin.code if transaction.pin else transaction.esim and transaction.esim.activation_code,
    )
