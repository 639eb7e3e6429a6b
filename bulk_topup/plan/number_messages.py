"""What is odd about credited numbers, as sentences in a polars expression; pure."""

from collections.abc import Collection
from functools import cache
from typing import Final

import phonenumbers
import polars as pl

from bulk_topup.domain import fields, number_plans
from bulk_topup.domain.countries import COUNTRIES
from bulk_topup.domain.number_notes import NumberConcern
from bulk_topup.plan.json_expressions import joined

#: Countries of a product that a message names.
NAMED_COUNTRIES: Final = 3
#: Regions of calling codes that are no countries of ISO 3166-1.
_ISLANDS: Final = {"AC": "Ascension Island", "TA": "Tristan da Cunha"}

_NUMBER: Final = pl.col(fields.CREDIT_MOBILE)


def concern_message(product_id: int, regions: Collection[str]) -> pl.Expr:
    """Return the sentences for a row with a concern; null for others.

    Args:
        product_id: the product.
        regions: its countries by alpha-2 code, in order.

    The frame has the columns `concern`, `code` (the calling code), `region` (under a shared one) and `is_refusal`.
    """
    concern, code, region = pl.col("concern"), pl.col("code"), pl.col("region")
    of_product = f"product {product_id} is of {_named(regions)}"
    country = code.replace_strict(_countries_by_code(), default="no country", return_dtype=pl.String)
    neighbour = region.replace_strict(_names_by_region(), default="another country", return_dtype=pl.String)
    accept = joined("--accept-number-plan ", _NUMBER)
    way_on = pl.when("is_refusal").then(joined(", or add ", accept, " if both are right.")).otherwise(pl.lit("."))
    texts = {
        NumberConcern.OTHER_COUNTRY: joined(
            *('"', _NUMBER, '" has the calling code of ', country, " (+", code),
            f"), but {of_product}. Correct the number, --default-country or the product.",
        ),
        NumberConcern.NOT_IN_PLAN: pl.coalesce(
            joined(
                *('"', _NUMBER, '" is in no numbering plan of ', country, " (+", code),
                *("). Correct it, or add ", accept, " if its operator confirms it."),
            ),
            joined('"', _NUMBER, '" has no known calling code. Correct it, or add ', accept, " if it is right."),
        ),
        NumberConcern.SHARED_CODE: joined(
            *('"', _NUMBER, '" is a number of ', neighbour),
            *(f", but {of_product}. Correct the number or the product", way_on),
        ),
        NumberConcern.FIXED_LINE: joined(
            '"', _NUMBER, f'" is a fixed line, but product {product_id} is for mobiles. Check that it can be paid.'
        ),
    }
    return pl.coalesce(*(pl.when(concern == each.value).then(text) for each, text in texts.items()))


def _named(regions: Collection[str]) -> str:
    names = [_names_by_region().get(region, region) for region in regions]
    if len(names) > NAMED_COUNTRIES:
        return f"{', '.join(names[:NAMED_COUNTRIES])} and {len(names) - NAMED_COUNTRIES} more countries"
    return " or ".join(names)


@cache
def _names_by_region() -> dict[str, str]:
    return {country.alpha_2: country.name for country in COUNTRIES} | _ISLANDS


@cache
def _countries_by_code() -> dict[str, str]:
    """Return the name of the first country of each calling code, and that there are others."""
    names = {}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        if regions[0] != number_plans.NO_COUNTRY:
            others = " and others" if len(regions) > 1 else ""
            names[str(code)] = f"{_names_by_region()[regions[0]]}{others}"
    return names
