"""The command that writes a template: a list with the columns that products require, and checks for each cell."""

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
import cloup
from rich.console import Console

from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.ages import max_age_option
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.query import ask_catalogue, fetch_or_exit
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.cli.whole_commands import whole_command
from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.models.product import Product
from bulk_topup.workbooks.template import Template, template_for
from bulk_topup.workbooks.template_product import TemplateError
from bulk_topup.workbooks.write_template import write_template

#: Most products of one template; more need several lists.
MAX_PRODUCTS: Final = 100


@cloup.command("template")
@cloup.option(
    "--product",
    "product_ids",
    type=click.IntRange(min=1),
    metavar="ID",
    multiple=True,
    required=True,
    help="Product of the list; repeatable, the list then has a product column.",
)
@cloup.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File to write, .xlsx or .csv.  [default: template-ID.xlsx]",
)
@cloup.option("--force", is_flag=True, help="Replace an existing file.")
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@max_age_option
@provider_options
def template_command(
    product_ids: tuple[int, ...],
    output: Path | None,
    force: bool,
    as_json: bool,
    max_age: timedelta | None,
    provider: ProviderArguments,
) -> None:
    """Write a template: a list with the columns that the products require, drop-downs and an example row.

    Spreadsheet programs check each cell. `plan` reads the filled-in list with no option but the product, and refuses
    the example row if it is still there.

    \b
    Example:
      bulk-topup template --product 7350 --output payroll.xlsx
    """
    ids = tuple(dict.fromkeys(product_ids))
    if len(ids) > MAX_PRODUCTS:
        raise click.UsageError(f"A template has at most {MAX_PRODUCTS} products. Write several.")

    async def fetch(dvs: AsyncDVS) -> list[Product]:
        found = await ask_catalogue(provider, dvs, max_age, lambda catalogue: catalogue.products(ids))
        return [_available(id_, found[id_]) for id_ in ids]

    products = fetch_or_exit(provider, fetch)
    with exit_on_error():
        template = template_for(products)
        file = output or Path(f"template-{'-'.join(map(str, ids[:3]))}.xlsx")
        write_template(template, file, force=force)
    if as_json:
        click.echo(codec.encode(_as_json(template, file)))
        return
    console = Console(emoji=False)
    headings = ("column", "content")
    console.print(simple_table(headings, ((each.name, each.explanation) for each in template.columns)))
    for offer in template.products:
        console.print(
            f"{offer.id} {escape_markup(offer.name)}: {escape_markup(offer.amounts)}", highlight=False, soft_wrap=True
        )
        for text in offer.alternatives:
            console.print(f"  {escape_markup(text)}", highlight=False, soft_wrap=True)
    check = whole_command(f"bulk-topup plan {shlex.quote(str(file))}{template.options}")
    console.print(
        f"Template written to {escape_markup(file)}. Fill it in, remove the example row, then check it: "
        f"`{escape_markup(check)}`",
        highlight=False,
        soft_wrap=True,
    )


def _available(id_: int, product: Product | None) -> Product:
    if product is None:
        raise TemplateError(f"Product {id_} is not available in this account. List its products: `bulk-topup products`")
    return product


def _as_json(template: Template, file: Path) -> dict[str, object]:
    return {
        "file": str(file),
        "columns": [
            {"name": column.name, "field": column.field, "explanation": column.explanation}
            for column in template.columns
        ],
        "products": [
            {
                "id": offer.id,
                "name": offer.name,
                "amounts": offer.amounts,
                "requires": offer.needs,
                "alternatives": offer.alternatives,
            }
            for offer in template.products
        ],
        "plan_options": template.options.strip(),
    }
