"""Questions about credit parties: a number's operator, an account's bills, an eSIM's benefits and dates."""

import re
from collections.abc import Sequence
from typing import Any

import click

from bulk_topup.cli.commands.catalogue import ID
from bulk_topup.cli.query import answer, answer_options, everything
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import AsyncDVS, field_limits
from bulk_topup.dvs.models.account import CreditPartyBenefit, CreditPartyStatus, Statement
from bulk_topup.dvs.models.catalogue import LookupOperator
from bulk_topup.dvs.models.transaction import Party

#: The service that credit parties' benefits and dates are asked for where none is stated: eSIM.
ESIM = 13

_service_option = click.option("--service", type=ID, default=ESIM, show_default=True, help="The service, by id.")
_qualifier_option = click.option("--qualifier", help="What the account's operator asks for besides its number.")


def _e164(_context: click.Context, _argument: click.Parameter, text: str) -> str:
    if not re.fullmatch(field_limits.E164, text):
        raise click.BadParameter(f'"{text}" is not a mobile number; write it with + and the country code.')
    return text


@click.group("lookup")
def lookup_group() -> None:
    """Ask about a number, an account or an eSIM before paying.

    \b
    Example:
      bulk-topup lookup number +6595123100
    """


@lookup_group.command("number")
@click.argument("mobile_number", callback=_e164)
@answer_options
def number_command(mobile_number: str, **values: Any) -> None:
    """Show the operators of a mobile number's country, and which of them is the number's own.

    \b
    Example:
      bulk-topup lookup number +6595123100
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[LookupOperator]:
        return await everything(dvs.lookup.mobile_number(mobile_number, post=True))

    def row(operator: LookupOperator) -> tuple[object, ...]:
        return operator.id, operator.name, operator.country.iso_code, "yes" if operator.identified else ""

    answer(values, fetch, ("id", "operator", "country", "identified"), row)


@lookup_group.command("statement")
@click.argument("account_number")
@click.option("--product", type=ID, required=True, help="The payment product, by id.")
@_qualifier_option
@answer_options
def statement_command(account_number: str, product: int, qualifier: str | None, **values: Any) -> None:
    """Show the open bills of an account.

    \b
    Example:
      bulk-topup lookup statement 30294429610 --product 9105 --qualifier PREPAID
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Statement]:
        return await everything(dvs.lookup.statement_inquiry(product, account_number, account_qualifier=qualifier))

    def row(statement: Statement) -> tuple[object, ...]:
        dates, balance = statement.dates, statement.balance
        due, issued = (dates.due, dates.statement) if dates else (None, None)
        return statement.reference, issued, due, f"{format_plain(balance.amount)} {balance.unit}" if balance else None

    answer(values, fetch, ("reference", "issued", "due", "to be paid"), row)


@lookup_group.command("benefits")
@click.argument("credit_party")
@_service_option
@_qualifier_option
@answer_options
def benefits_command(credit_party: str, service: int, qualifier: str | None, **values: Any) -> None:
    """Show the benefits that a mobile number or an account has at present.

    \b
    Example:
      bulk-topup lookup benefits +6595123100
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[CreditPartyBenefit]:
        return await everything(dvs.lookup.credit_party_benefits(service, _party(credit_party, qualifier)))

    def row(benefit: CreditPartyBenefit) -> tuple[object, ...]:
        country = benefit.country.iso_code if benefit.country else None
        return benefit.type, f"{format_plain(benefit.amount)} {benefit.unit}", benefit.expiration_date, country

    answer(values, fetch, ("type", "amount", "until", "country"), row)


@lookup_group.command("esim")
@click.argument("credit_party")
@_service_option
@_qualifier_option
@answer_options
def esim_command(credit_party: str, service: int, qualifier: str | None, **values: Any) -> None:
    """Show when an eSIM was installed and activated, by its mobile number or account.

    \b
    Example:
      bulk-topup lookup esim +6595123100
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[CreditPartyStatus]:
        return [await dvs.lookup.credit_party_status(service, _party(credit_party, qualifier))]

    def row(status: CreditPartyStatus) -> tuple[object, ...]:
        return status.installation_date or "not yet", status.activation_date or "not yet"

    answer(values, fetch, ("installed", "activated"), row)


def _party(credit_party: str, qualifier: str | None) -> Party:
    if credit_party.startswith("+"):
        return Party(mobile_number=credit_party)
    return Party(account_number=credit_party, account_qualifier=qualifier)
