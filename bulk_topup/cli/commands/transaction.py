"""The provider's transactions at hand: show, list, confirm, cancel."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from bulk_topup.cli.commands.catalogue import ID, country_option, operator_option, service_option
from bulk_topup.cli.options.times import moment
from bulk_topup.cli.query import answer, answer_options, everything
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.dvs.models.transaction import Pin, Transaction
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.report import MASK

HEADINGS = ("id", "external id", "created (UTC)", "status", "product", "credit party", "amount", "price", "pin")

_reveal_option = click.option("--reveal-pins", is_flag=True, help="Show PIN codes, not only that there are some.")
_yes_option = click.option("--yes", is_flag=True, help="Confirm production beforehand.")


@click.group("transaction")
def transaction_group() -> None:
    """Look at the provider's transactions, and confirm or cancel them by hand.

    \b
    Example:
      bulk-topup transaction list
    """


@transaction_group.command("show")
@click.argument("transaction")
@_reveal_option
@answer_options
def show_command(transaction: str, reveal_pins: bool, **values: Any) -> None:
    """Show a transaction by the provider's id or by its external id.

    \b
    Example:
      bulk-topup transaction show 2237512891
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Transaction]:
        if transaction.isascii() and transaction.isdigit():
            return _masked([await dvs.transactions.get(int(transaction))], reveal_pins)
        return _masked(await everything(dvs.transactions.list(external_id=transaction)), reveal_pins)

    answer(values, fetch, HEADINGS, _row)


@transaction_group.command("list")
@click.option("--from", "from_date", metavar="TIME", callback=moment, help="Created at this time or later (UTC).")
@click.option("--to", "to_date", metavar="TIME", callback=moment, help="Created at this time or earlier (UTC).")
@click.option("--external-id", metavar="ID", help="With this external id.")
@click.option("--type", "product_type", type=click.Choice([type_.value for type_ in ProductType]), help="Of this type.")
@click.option("--status-id", type=click.IntRange(min=0), metavar="ID", help="With this status, by DVS's id.")
@click.option("--status", "class_name", type=click.Choice([each.name for each in StatusClass]), help="Of this class.")
@country_option
@operator_option
@service_option
@click.option("--mobile-number", help="That credit this number.")
@click.option("--account-number", help="That credit this account.")
@_reveal_option
@answer_options
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
    mobile_number: str | None,
    account_number: str | None,
    reveal_pins: bool,
    **values: Any,
) -> None:
    """List transactions: of the last 24 hours, or of any span of time.

    \b
    Example:
      bulk-topup transaction list --from 2026-11-01 --to 2026-11-08 --status DECLINED
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Transaction]:
        found = await everything(
            dvs.transactions.list(
                external_id=external_id,
                product_type=ProductType(product_type) if product_type else None,
                status_id=status_id,
                country_iso_code=country,
                operator_id=operator,
                service_id=service,
                credit_party_mobile_number=mobile_number,
                credit_party_account_number=account_number,
                from_date=from_date,
                to_date=to_date,
            )
        )
        wanted = [each for each in found if class_name is None or each.status.class_.message == class_name]
        return _masked(wanted, reveal_pins)

    answer(values, fetch, HEADINGS, _row)


@transaction_group.command("confirm")
@click.argument("transaction_id", metavar="ID", type=ID)
@_yes_option
@answer_options
def confirm_command(transaction_id: int, yes: bool, **values: Any) -> None:
    """Confirm a transaction that was created only; the beneficiary is paid.

    \b
    Example:
      bulk-topup transaction confirm 2237512891
    """
    _demand_agreement(values, yes, f"Transaction {transaction_id} will be paid with real money.")

    async def fetch(dvs: AsyncDVS) -> Sequence[Transaction]:
        return _masked([await dvs.transactions.confirm_async(transaction_id)], reveal=False)

    answer(values, fetch, HEADINGS, _row)


@transaction_group.command("cancel")
@click.argument("transaction_id", metavar="ID", type=ID)
@_yes_option
@answer_options
def cancel_command(transaction_id: int, yes: bool, **values: Any) -> None:
    """Cancel a transaction that was created only; what is held for it is released.

    \b
    Example:
      bulk-topup transaction cancel 2237512891
    """
    _demand_agreement(values, yes, f"Transaction {transaction_id} will be cancelled.")

    async def fetch(dvs: AsyncDVS) -> Sequence[Transaction]:
        return _masked([await dvs.transactions.cancel(transaction_id)], reveal=False)

    answer(values, fetch, HEADINGS, _row)


def _demand_agreement(values: dict[str, Any], yes: bool, what: str) -> None:
    if values["environment"] == Environment.PRODUCTION and not yes:
        click.confirm(f"{what} Go on?", abort=True, err=True)


def _masked(transactions: Sequence[Transaction], reveal: bool) -> Sequence[Transaction]:
    if reveal:
        return transactions
    hidden = Pin(code=MASK, serial=MASK)
    return [each.model_copy(update={"pin": hidden}) if each.pin else each for each in transactions]


def _row(transaction: Transaction) -> tuple[object, ...]:
    party = transaction.credit_party_identifier
    asked = transaction.requested_values
    amount = (asked.destination or asked.source) if asked else None
    wholesale = transaction.prices.wholesale if transaction.prices else None
    return (
        transaction.id,
        transaction.external_id,
        f"{transaction.creation_date.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        transaction.status.message,
        transaction.product.id,
        (party.mobile_number or party.account_number) if party else None,
        f"{format_plain(amount.amount)} {amount.unit}" if amount else None,
        f"{format_plain(wholesale.amount)} {wholesale.unit}" if wholesale and wholesale.amount is not None else None,
        transaction.pin.code if transaction.pin else None,
    )
