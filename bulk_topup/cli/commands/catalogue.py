"""The commands of the catalogue and the wallets: services, countries, operators, promotions, campaigns, balances."""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import click
import cloup

from bulk_topup.cli.options.ages import max_age_option
from bulk_topup.cli.query import QueryOptions, ask_catalogue, fetch_all, print_query, query_options
from bulk_topup.domain.catalogue_search import OPERATOR_KEYS, Search, sorted_by
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.account import Balance
from bulk_topup.dvs.models.catalogue import Campaign, Country, Operator, Promotion, Service

F = TypeVar("F", bound=Callable[..., Any])

ID = click.IntRange(min=1)

country_option = cloup.option("--country", metavar="CCC", help="Of this country (ISO 3166-1 alpha-3).")
operator_option = cloup.option("--operator", type=ID, metavar="ID", help="Of this operator.")
service_option = cloup.option("--service", type=ID, metavar="ID", help="Of this service.")
subservice_option = cloup.option("--subservice", type=ID, metavar="ID", help="Of this subservice.")
product_option = cloup.option("--product", type=ID, metavar="ID", help="On this product.")
language_option = cloup.option(
    "--language", metavar="TAGS", help="Preferred languages of texts, e.g. es or fr,en;q=0.5."
)


def search_option(what: str) -> Callable[[F], F]:
    """Return the option of words to search for.

    Args:
        what: what is found, as a sentence of the help.
    """
    return cloup.option("--search", metavar="TEXT", callback=_parse_search, help=f"{what} Without case and accents.")


def sort_option(keys: Collection[str], what: str) -> Callable[[F], F]:
    """Return the option of an order.

    Args:
        keys: what can be sorted by.
        what: the keys, as a sentence of the help.
    """

    def parse(_context: click.Context, _option: click.Parameter, text: str | None) -> list[str]:
        named = [] if text is None else [key.strip() for key in text.split(",")]
        if unknown := [key for key in named if key.removeprefix("-") not in keys]:
            raise click.BadParameter(f'"{unknown[0]}" is not {", ".join(keys)}, or one of them after a minus.')
        return named

    return cloup.option("--sort", metavar="KEYS", callback=parse, help=f"Order: {what}")


def _parse_search(_context: click.Context, _option: click.Parameter, text: str | None) -> Search | None:
    search = None if text is None else Search.of(text)
    if search is not None and not search.terms:
        raise click.BadParameter("It has no words. Name some, or remove the option.")
    return search


def check_subservice(service: int | None, subservice: int | None) -> None:
    """Raise a usage error for a subservice without its service, which DVS refuses."""
    if subservice is not None and service is None:
        raise click.UsageError("--subservice requires --service.")


@cloup.command("services")
@cloup.argument("service_id", metavar="[ID]", type=ID, required=False)
@country_option
@query_options
def services_command(service_id: int | None, country: str | None, query: QueryOptions) -> None:
    """List the services with their subservices, or show one.

    \b
    Example:
      bulk-topup services --country MEX
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Service]:
        if service_id is not None:
            return [await dvs.services.get(service_id)]
        return await fetch_all(dvs.services.list(country_iso_code=country))

    def row(service: Service) -> tuple[object, ...]:
        return service.id, service.name, ", ".join(f"{part.name} ({part.id})" for part in service.subservices or ())

    print_query(query, fetch, ("id", "name", "subservices"), row)


@cloup.command("countries")
@cloup.argument("country", metavar="[CCC]", required=False)
@service_option
@subservice_option
@query_options
def countries_command(country: str | None, service: int | None, subservice: int | None, query: QueryOptions) -> None:
    """List the countries that have products, or show one.

    \b
    Example:
      bulk-topup countries --service 3
    """
    check_subservice(service, subservice)

    async def fetch(dvs: AsyncDVS) -> Sequence[Country]:
        if country is not None:
            return [await dvs.countries.get(country)]
        return await fetch_all(dvs.countries.list(service_id=service, subservice_id=subservice))

    def row(found: Country) -> tuple[object, ...]:
        return found.iso_code, found.name, ", ".join(region.code for region in found.regions or ())

    print_query(query, fetch, ("code", "name", "regions"), row)


@cloup.command("operators")
@cloup.argument("operator_id", metavar="[ID]", type=ID, required=False)
@country_option
@service_option
@subservice_option
@search_option("That have all these words in name or country.")
@sort_option(OPERATOR_KEYS, "id, name or country; -name is the last first. Several keys: country,name.")
@max_age_option
@query_options
def operators_command(
    operator_id: int | None,
    country: str | None,
    service: int | None,
    subservice: int | None,
    search: Search | None,
    sort: list[str],
    max_age: timedelta | None,
    query: QueryOptions,
) -> None:
    """List the operators, or show one.

    \b
    Example:
      bulk-topup operators --country SGP
      bulk-topup operators --search aguila --sort country,name
    """
    check_subservice(service, subservice)

    async def fetch(dvs: AsyncDVS) -> Sequence[Operator]:
        if operator_id is not None:
            return [await dvs.operators.get(operator_id)]
        filters = {"country_iso_code": country, "service_id": service, "subservice_id": subservice}
        found = await ask_catalogue(query.provider, dvs, max_age, lambda catalogue: catalogue.all_operators(filters))
        return sorted_by([each for each in found if search is None or search.finds(each)], sort, OPERATOR_KEYS)

    def row(operator: Operator) -> tuple[object, ...]:
        return operator.id, operator.name, operator.country.iso_code

    print_query(query, fetch, ("id", "name", "country"), row)


@cloup.command("promotions")
@cloup.argument("promotion_id", metavar="[ID]", type=ID, required=False)
@country_option
@operator_option
@product_option
@language_option
@query_options
def promotions_command(
    promotion_id: int | None,
    country: str | None,
    operator: int | None,
    product: int | None,
    language: str | None,
    query: QueryOptions,
) -> None:
    """List the operators' promotions, or show one.

    \b
    Example:
      bulk-topup promotions --country MEX --language es
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Promotion]:
        if promotion_id is not None:
            return [await dvs.promotions.get(promotion_id, language=language)]
        return await fetch_all(
            dvs.promotions.list(country_iso_code=country, operator_id=operator, product_id=product, language=language)
        )

    def row(promotion: Promotion) -> tuple[object, ...]:
        return (*_period(promotion), promotion.operator.name, _ids(promotion.products), promotion.description)

    print_query(query, fetch, ("id", "title", "from", "to", "operator", "products", "description"), row)


@cloup.command("campaigns")
@cloup.argument("campaign_id", metavar="[ID]", type=ID, required=False)
@country_option
@operator_option
@product_option
@query_options
def campaigns_command(
    campaign_id: int | None, country: str | None, operator: int | None, product: int | None, query: QueryOptions
) -> None:
    """List the campaigns, or show one.

    \b
    Example:
      bulk-topup campaigns --country MEX
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Campaign]:
        if campaign_id is not None:
            return [await dvs.campaigns.get(campaign_id)]
        listing = dvs.campaigns.list(country_iso_code=country, operator_id=operator, product_id=product)
        return await fetch_all(listing)

    def row(campaign: Campaign) -> tuple[object, ...]:
        return (*_period(campaign), _ids(campaign.products), campaign.description)

    print_query(query, fetch, ("id", "title", "from", "to", "products", "description"), row)


@cloup.command("balances")
@cloup.option("--unit", metavar="CCC", help="Only the wallet in this currency.")
@query_options
def balances_command(unit: str | None, query: QueryOptions) -> None:
    """Show the balances of the account's wallets.

    \b
    Example:
      bulk-topup balances --unit USD
    """

    async def fetch(dvs: AsyncDVS) -> Sequence[Balance]:
        return await fetch_all(dvs.balances.list(unit=unit))

    def row(balance: Balance) -> tuple[object, ...]:
        amounts = (balance.available, balance.holding, balance.credit_limit)
        return balance.unit, *(None if each is None else query.amount(each, balance.unit) for each in amounts)

    print_query(query, fetch, ("unit", "available", "holding", "credit limit"), row)


def _period(promotion: Promotion | Campaign) -> tuple[object, ...]:
    return promotion.id, promotion.title, f"{promotion.start_date:%Y-%m-%d}", f"{promotion.end_date:%Y-%m-%d}"


def _ids(products: Sequence[Any] | None) -> str:
    return ", ".join(str(product.id) for product in products or ())
