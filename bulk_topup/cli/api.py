"""The API at hand: products, balances, look-ups."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
from pydantic import BaseModel
from rich.console import Console

from bulk_topup.cli.display import simple_table
from bulk_topup.cli.exits import plain_errors
from bulk_topup.cli.options import provider_from, provider_options
from bulk_topup.cli.provider import open_client, run_async
from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.models import FixedProduct, Product, ProductType, RangedProduct
from bulk_topup.dvs.pagination import Pages
from bulk_topup.money import plain

T = TypeVar("T")

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("products")
@click.argument("product_id", metavar="[ID]", type=click.IntRange(min=1), required=False)
@click.option("--type", "product_type", type=click.Choice([type_.value for type_ in ProductType]), help="Of this type.")
@click.option("--country", metavar="CCC", help="Of this country (ISO 3166-1 alpha-3).")
@click.option("--operator", type=click.IntRange(min=1), metavar="ID", help="Of this operator.")
@click.option("--service", type=click.IntRange(min=1), metavar="ID", help="Of this service.")
@provider_options
@_as_json
def products_command(
    product_id: int | None,
    product_type: str | None,
    country: str | None,
    operator: int | None,
    service: int | None,
    as_json: bool,
    **values: Any,
) -> None:
    """List the account's products, or show what one requires.

    \b
    Example:
      bulk-topup products --country SGP --type RANGED_VALUE_RECHARGE
      bulk-topup products 6418
    """

    async def fetch(dvs: AsyncDVS) -> list[Product]:
        if product_id is not None:
            return [await dvs.products.get(product_id)]
        return await _all(
            dvs.products.list(
                type=ProductType(product_type) if product_type else None,
                country_iso_code=country,
                operator_id=operator,
                service_id=service,
            )
        )

    products = _ask(values, fetch)
    if as_json:
        _print_json(products)
        return
    headings = ("id", "name", "operator", "type", "receives", "costs", "requires")
    Console().print(simple_table(headings, map(_product_row, products), unbroken=("id", "requires")))


@click.command("balances")
@click.option("--unit", metavar="CCC", help="Only the wallet in this currency.")
@provider_options
@_as_json
def balances_command(unit: str | None, as_json: bool, **values: Any) -> None:
    """Show what the account's wallets hold.

    \b
    Example:
      bulk-topup balances --unit USD
    """
    balances = _ask(values, lambda dvs: _all(dvs.balances.list(unit=unit)))
    if as_json:
        _print_json(balances)
        return
    rows = (
        (
            balance.unit,
            plain(balance.available),
            plain(balance.holding),
            "" if balance.credit_limit is None else plain(balance.credit_limit),
        )
        for balance in balances
    )
    Console().print(simple_table(("unit", "available", "holding", "credit limit"), rows))


@click.command("lookup")
@click.argument("mobile_number")
@provider_options
@_as_json
def lookup_command(mobile_number: str, as_json: bool, **values: Any) -> None:
    """Show the operators of a mobile number's country, and which of them is the number's own.

    \b
    Example:
      bulk-topup lookup +6595123100
    """
    operators = _ask(values, lambda dvs: _all(dvs.lookup.mobile_number(mobile_number)))
    if as_json:
        _print_json(operators)
        return
    rows = (
        (operator.id, operator.name, operator.country.iso_code, "yes" if operator.identified else "")
        for operator in operators
    )
    Console().print(simple_table(("id", "operator", "country", "identified"), rows))


def _ask(values: dict[str, Any], fetch: Callable[[AsyncDVS], Awaitable[T]]) -> T:
    with plain_errors():
        provider = provider_from(values)

        async def main() -> T:
            async with open_client(provider) as dvs:
                return await fetch(dvs)

        return run_async(main())


async def _all(pages: Pages[T]) -> list[T]:
    return [item async for item in pages]


def _print_json(models: list[Any]) -> None:
    click.echo(codec.encode([model.model_dump() for model in models if isinstance(model, BaseModel)]))


def _product_row(product: Product) -> tuple[object, ...]:
    receives = costs = ""
    if isinstance(product, FixedProduct):
        receives = f"{plain(product.destination.amount)} {product.destination.unit}"
        wholesale = product.prices.wholesale
        costs = "" if wholesale.amount is None else f"{plain(wholesale.amount)} {wholesale.unit}"
    elif isinstance(product, RangedProduct):
        allowed = product.destination.amount
        bounds = " to ".join(plain(bound) for bound in (allowed.min, allowed.max) if bound is not None)
        step = f" in steps of {plain(allowed.increment)}" if allowed.increment else ""
        receives = f"{bounds} {product.destination.unit}{step}"
        rate = product.rates.wholesale
        costs = f"1 {product.prices.wholesale.unit} per {plain(rate)} {product.destination.unit}" if rate else ""
    groups = (
        ("credit_party_identifier", product.required_credit_party_identifier_fields),
        ("debit_party_identifier", product.required_debit_party_identifier_fields),
        ("sender", product.required_sender_fields),
        ("beneficiary", product.required_beneficiary_fields),
        ("statement_identifier", product.required_statement_identifier_fields),
        ("additional_identifier", product.required_additional_identifier_fields),
    )
    requires = "\n".join(
        "\nor ".join("\nand ".join(f"{group}.{name}" for name in inner) for inner in alternatives)
        for group, alternatives in groups
        if alternatives
    )
    operator = product.operator
    return (
        product.id,
        product.name,
        f"{operator.name} ({operator.id}), {operator.country.iso_code}",
        product.type.replace("_", " ").lower(),
        receives,
        costs,
        requires,
    )
