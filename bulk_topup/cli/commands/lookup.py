"""The commands that look up credit parties: a number's operator, an account's bills, an eSIM's benefits and dates."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click
import cloup

from bulk_topup.cli.commands.catalogue import ID
from bulk_topup.cli.commands.lookup_list import list_command
from bulk_topup.cli.query import QueryOptions, fetch_all, print_query, query_options
from bulk_topup.domain.product_texts import quantity_text
from bulk_topup.dvs import AsyncDVS, field_limits
from bulk_topup.dvs.models.account import CreditPartyBenefit, CreditPartyStatus, Statement
from bulk_topup.dvs.models.catalogue import LookupOperator
from bulk_topup.dvs.models.transaction import Party
from bulk_topup.errors import NumberNotFoundError

#: The default service of benefits and dates: eSIM.
ESIM = 13

_service_option = cloup.option("--service", type=ID, default=ESIM, show_default=True, help="The service ID.")
_qualifier_option = cloup.option("--qualifier", help="What the account's operator requires besides its number.")


def _check_e164(_context: click.Context, _argument: click.Parameter, text: str) -> str:
    if not re.fullmatch(field_limits.E164, text):
        raise click.BadParameter(f'"{text}" is not a mobile number; write it with + and the country code.')
    return text


class _LookupGroup(cloup.Group):
    """A group whose first word may be a list: then its numbers are looked up."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line; without the name of a command, `list` is meant."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            near = get_close_matches(args[0], self.commands, n=1)
            path = Path(args[0])
            if near and path.name == args[0] and not (path.suffix or path.is_file()):
                ctx.fail(f'There is no command "{args[0]}". Did you mean {near[0]}?')
            args = ["list", *args]
        return super().parse_args(ctx, args)


@cloup.group("lookup", cls=_LookupGroup)
def lookup_group() -> None:
    """Look up a number, the numbers of a list, an account or an eSIM before paying.

    \b
    Example:
      bulk-topup lookup number +6595123100
      bulk-topup lookup sample_files/rewards.csv --output operators.xlsx
    """


lookup_group.add_command(list_command)


@lookup_group.command("number")
@cloup.argument("mobile_number", callback=_check_e164)
@query_options
def number_command(mobile_number: str, query: QueryOptions) -> None:
    """Show the operators of a mobile number's country, and which one is the number's.

    \b
    Example:
      bulk-topup lookup number +6595123100
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[LookupOperator]:
        found = await fetch_all(dvs.lookup.mobile_number(mobile_number, post=True))
        if not found:
            raise NumberNotFoundError(f"DVS does not know the operator of {mobile_number}. Check the number.")
        return found

    def row(operator: LookupOperator) -> tuple[object, ...]:
        return operator.id, operator.name, operator.country.iso_code, "yes" if operator.identified else ""

    print_query(query, fetch, ("id", "operator", "country", "identified"), row)


@lookup_group.command("statement")
@cloup.argument("account_number")
@cloup.option("--product", type=ID, required=True, help="The payment product's ID.")
@_qualifier_option
@query_options
def statement_command(account_number: str, product: int, qualifier: str | None, query: QueryOptions) -> None:
    """Show the open bills of an account.

    \b
    Example:
      bulk-topup lookup statement 30294429610 --product 9105 --qualifier PREPAID
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Statement]:
        return await fetch_all(dvs.lookup.statement_inquiry(product, account_number, account_qualifier=qualifier))

    def row(statement: Statement) -> tuple[object, ...]:
        dates, balance = statement.dates, statement.balance
        due, issued = (dates.due, dates.statement) if dates else (None, None)
        to_be_paid = None
        if balance is not None and balance.amount is not None:
            to_be_paid = query.money(balance.amount, balance.unit)
        return statement.reference, issued, due, to_be_paid

    print_query(query, fetch, ("reference", "issued", "due", "to be paid"), row)


@lookup_group.command("benefits")
@cloup.argument("credit_party")
@_service_option
@_qualifier_option
@query_options
def benefits_command(credit_party: str, service: int, qualifier: str | None, query: QueryOptions) -> None:
    """Show the benefits that an eSIM, by its ICCID, or a mobile number has now.

    \b
    Example:
      bulk-topup lookup benefits 8900010000000000555
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[CreditPartyBenefit]:
        return await fetch_all(dvs.lookup.credit_party_benefits(service, _party(credit_party, qualifier)))

    def row(benefit: CreditPartyBenefit) -> tuple[object, ...]:
        country = benefit.country.iso_code if benefit.country else None
        return benefit.type, quantity_text(benefit.amount, benefit.unit), benefit.expiration_date or "no date", country

    print_query(query, fetch, ("type", "amount", "until", "country"), row)


@lookup_group.command("esim")
@cloup.argument("credit_party")
@_service_option
@_qualifier_option
@query_options
def esim_command(credit_party: str, service: int, qualifier: str | None, query: QueryOptions) -> None:
    """Show when an eSIM was installed and activated, by its ICCID or mobile number.

    \b
    Example:
      bulk-topup lookup esim 8900010000000000555
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[CreditPartyStatus]:
        return [await dvs.lookup.credit_party_status(service, _party(credit_party, qualifier))]

    def row(status: CreditPartyStatus) -> tuple[object, ...]:
        return status.installation_date or "not yet", status.activation_date or "not yet"

    print_query(query, fetch, ("installed", "activated"), row)


def _party(credit_party: str, qualifier: str | None) -> Party:
    if credit_party.startswith("+"):
        return Party(mobile_number=credit_party)
    return Party(account_number=credit_party, account_qualifier=qualifier)
