"""The command that lists the account's products, or shows what one requires."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click
import cloup

from bulk_topup.cli.commands.catalogue import (
    ID,
    check_subservice,
    country_option,
    language_option,
    operator_option,
    search_option,
    service_option,
    sort_option,
    subservice_option,
)
from bulk_topup.cli.options.ages import max_age_option
from bulk_topup.cli.query import QueryOptions, ask_catalogue, print_query, query_options
from bulk_topup.domain.catalogue_search import PRODUCT_KEYS, Search, sorted_by
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.product_texts import alternatives_text, amounts_text, benefits_text, payment_texts
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.catalogue import Operator
from bulk_topup.dvs.models.product import FixedProduct, Product, ProductType, UnknownProduct


@cloup.command("products")
@cloup.argument("product_id", metavar="[ID]", type=ID, required=False)
@cloup.option("--type", "product_type", type=click.Choice([type_.value for type_ in ProductType]), help="Of this type.")
@country_option
@operator_option
@service_option
@subservice_option
@cloup.option("--region", metavar="CODE", help="That cover this region (ISO 3166-2).")
@cloup.option("--tag", "tags", multiple=True, help="With this tag; repeatable.")
@cloup.option(
    "--benefit-type",
    "benefit_types",
    multiple=True,
    type=click.Choice(["TALKTIME", "DATA", "SMS", "PAYMENT", "CREDITS"]),
    help="With this benefit; repeatable.",
)
@search_option(
    "That have all these words in name, operator, country or benefits, e.g. 'lionwave 10 SGD'. Numbers are amounts "
    "or prices."
)
@sort_option(PRODUCT_KEYS, "id, name, amount or price; -price is the highest first. Several keys: price,name.")
@language_option
@max_age_option
@query_options
def products_command(
    product_id: int | None,
    product_type: str | None,
    country: str | None,
    operator: int | None,
    service: int | None,
    subservice: int | None,
    region: str | None,
    tags: tuple[str, ...],
    benefit_types: tuple[str, ...],
    search: Search | None,
    sort: list[str],
    language: str | None,
    max_age: timedelta | None,
    query: QueryOptions,
) -> None:
    """List the account's products, or show what one requires.

    \b
    Example:
      bulk-topup products --country MEX --operator 1596 --type RANGED_VALUE_RECHARGE
      bulk-topup products --service 13 --sort -amount
      bulk-topup products --search "lionwave 10 SGD" --sort price
      bulk-topup products 6418
    """
    check_subservice(service, subservice)

    async def fetch(dvs: AsyncDVS) -> Sequence[Product]:
        if product_id is not None:
            return [await dvs.products.get(product_id, language=language)]
        filters = {
            "type": ProductType(product_type) if product_type else None,
            "country_iso_code": country,
            "operator_id": operator,
            "service_id": service,
            "subservice_id": subservice,
            "region": region,
            "tags": list(tags) or None,
            "benefit_types": list(benefit_types) or None,
            "language": language,
        }
        found = await ask_catalogue(query.provider, dvs, max_age, lambda catalogue: catalogue.all_products(filters))
        return sorted_by([each for each in found if search is None or search.finds(each)], sort, PRODUCT_KEYS)

    headings = ("id", "name", "operator", "type", "receives", "costs", "requires")
    row = _product_row if product_id is None else _whole_product_row
    print_query(query, fetch, headings, row, unbroken=("id", "requires"))


def _whole_product_row(product: Product) -> tuple[object, ...]:
    """Return the row of one product alone, with what it takes against bills."""
    id_, name, operator, type_, receives, costs, requires = _product_row(product)
    return id_, name, operator, type_, "\n".join(filter(None, (receives, *payment_texts(product)))), costs, requires


def _product_row(product: Product) -> tuple[Any, ...]:
    costs = ""
    if isinstance(product, UnknownProduct):
        operator_text = "" if product.operator is None else _operator_text(product.operator)
        return product.id, product.name, operator_text, product.why, "", "", ""
    if isinstance(product, FixedProduct):
        wholesale = product.prices.wholesale
        costs = "" if wholesale.amount is None else f"{format_plain(wholesale.amount)} {wholesale.unit}"
    else:
        rate = product.rates.wholesale
        if rate is not None and rate > 0:
            costs = f"1 {product.prices.wholesale.unit} per {format_plain(rate)} {product.destination.unit}"
    receives = amounts_text(product)
    benefits = benefits_text(product)
    receives = f"{receives} ({benefits})" if receives and benefits else receives or benefits
    groups = (
        ("credit_party_identifier", product.required_credit_party_identifier_fields),
        ("debit_party_identifier", product.required_debit_party_identifier_fields),
        ("sender", product.required_sender_fields),
        ("beneficiary", product.required_beneficiary_fields),
        ("statement_identifier", product.required_statement_identifier_fields),
        ("additional_identifier", product.required_additional_identifier_fields),
    )
    needed = (alternatives_text(alternatives, f"{group}.", between="\nand ") for group, alternatives in groups)
    requires = "\n".join(text.replace(", or ", "\nor ") for text in needed if text)
    return (
        product.id,
        product.name,
        _operator_text(product.operator),
        product.type.replace("_", " ").lower(),
        receives,
        costs,
        requires,
    )


def _operator_text(operator: Operator) -> str:
    return f"{operator.name} ({operator.id}), {operator.country.iso_code}"
