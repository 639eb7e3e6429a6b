"""Checks credited mobile numbers against the numbering plans and the countries of their product; pure.

Nearly all numbers are mobiles of the product's country, which one regular expression tells. Only the others are looked
at more closely. What is odd about a number refuses its row or is noted in the plan, see `NumberConcern`.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk_topup.domain import fields, number_plans
from bulk_topup.domain.countries import find_country
from bulk_topup.domain.number_notes import NAMED_LINES, NumberConcern, NumberNotes
from bulk_topup.dvs.models.product import KnownProduct
from bulk_topup.plan.number_messages import concern_message

#: A column of every checked frame: why a row's credited number is refused, null if it is not.
NUMBER_PROBLEM: Final = "number_problem"
#: The service of mobile top-ups (reference: Services).
MOBILE_SERVICE: Final = 1
#: The calling code of North America, where one wrong digit leads to another country.
NORTH_AMERICA: Final = "1"

_NONE: Final = pl.lit(None, dtype=pl.String)
_NUMBER: Final = pl.col(fields.CREDIT_MOBILE)
_CONCERN: Final = pl.col("concern")


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberPolicy:
    """Which credited numbers are refused."""

    #: Whether numbers are refused, as in production; elsewhere a plan only notes them, as reserved test numbers are in
    #: no numbering plan.
    refuses: bool = False
    #: Numbers in E.164 form that are paid although no numbering plan has them.
    accepted: frozenset[str] = frozenset()
    #: Returns those of some numbers that the run has paid, or may have, as a row that was sent is no longer refused.
    find_sent: Callable[[Collection[str]], Collection[str]] = frozenset().intersection


class NumberCheck:
    """Checks the credited numbers of one product's rows.

    Args:
        product: the product.
        policy: which numbers are refused.
        notes: receives what is odd about numbers that are not refused.
    """

    def __init__(self, product: KnownProduct, policy: NumberPolicy, notes: NumberNotes) -> None:
        self._policy = policy
        self._notes = notes
        self._rules = _Rules(product)

    def add_to(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows with the column `NUMBER_PROBLEM`, and add to the notes."""
        problems = pl.Series(NUMBER_PROBLEM, [None], dtype=pl.String).new_from_index(0, rows.height)
        odd = rows.select(~_NUMBER.str.contains(self._rules.plain_numbers)).to_series().arg_true()
        if len(odd):
            found = self._rules.find(rows.select("line", fields.CREDIT_MOBILE)[odd], self._policy.accepted)
            is_refused = found["is_refusal"] & self._policy.refuses
            if is_refused.any():
                numbers = found[fields.CREDIT_MOBILE]
                is_refused &= ~numbers.is_in(
                    list(self._policy.find_sent(numbers.filter(is_refused).unique().to_list()))
                )
            problems = problems.scatter(odd.filter(is_refused), found["message"].filter(is_refused))
            self._note(found.filter(_CONCERN.is_not_null() & ~is_refused))
        return rows.with_columns(problems.alias(NUMBER_PROBLEM))

    def _note(self, found: pl.DataFrame) -> None:
        first = (pl.col("line").head(NAMED_LINES), pl.len().alias("rows"), pl.col("message").first())
        groups = found.group_by("concern", "is_refusal", maintain_order=True).agg(first)
        for concern, is_refusal, lines, count, message in groups.iter_rows():
            self._notes.add_concern(NumberConcern(concern), lines, count, message, production_refuses=is_refusal)


def product_regions(product: KnownProduct) -> frozenset[str]:
    """Return the countries of a product by alpha-2 code: its operator's and those that it covers (reference: Products).

    Empty for a product without a country, such as a global one that does not state its coverage.
    """
    operator = product.operator
    regions = [*(operator.regions or ()), *(operator.country.regions or ()), *(product.regions or ())]
    codes = {operator.country.iso_code, *(region.code.partition("-")[0] for region in regions)}
    found = (find_country(code) for code in codes)
    return frozenset(country.alpha_2 for country in found if country is not None)


class _Rules:
    """What numbers of a product are like."""

    def __init__(self, product: KnownProduct) -> None:
        self._product = product
        self._regions = sorted(product_regions(product))
        self._codes = sorted({code for region in self._regions if (code := number_plans.calling_code(region))})
        #: A pattern of numbers without any concern.
        self.plain_numbers = (
            number_plans.mobile_numbers(self._regions) if self._codes else number_plans.allowed_numbers()
        )

    def find(self, rows: pl.DataFrame, accepted: Collection[str]) -> pl.DataFrame:
        """Return lines and numbers with a concern or null, its message, and whether production refuses the row."""
        facts = rows.with_columns(
            code=_NUMBER.str.extract(number_plans.calling_codes()),
            is_allowed=_NUMBER.str.contains(number_plans.allowed_numbers()),
            is_accepted=_NUMBER.is_in(sorted(accepted)),
            is_of_product=_any_contains(map(number_plans.numbers_of, self._regions)),
            region=self._region(),
            is_fixed=self._is_fixed_line(),
        )
        is_neighbour = NumberConcern.SHARED_CODE.value == _CONCERN
        is_always = _CONCERN.is_in([NumberConcern.NOT_IN_PLAN.value, NumberConcern.OTHER_COUNTRY.value])
        is_refusal = is_always | (is_neighbour & (pl.col("code") == NORTH_AMERICA))
        return (
            facts.with_columns(concern=self._concern())
            .with_columns(is_refusal=is_refusal.fill_null(value=False))
            .with_columns(message=concern_message(self._product.id, self._regions))
        )

    def _region(self) -> pl.Expr:
        """Return the number's region, where it shares a calling code of the product with other regions."""
        shared = [regions for code in self._codes if len(regions := number_plans.regions_of(code)) > 1]
        return pl.coalesce(
            *(
                pl.when(_NUMBER.str.contains(number_plans.numbers_of(region))).then(pl.lit(region))
                for regions in shared
                for region in regions
            ),
            _NONE,
        )

    def _is_fixed_line(self) -> pl.Expr:
        if self._product.service.id != MOBILE_SERVICE:
            return pl.lit(value=False)
        others = (number_plans.mobile_numbers(self._regions), number_plans.other_numbers(self._regions))
        return _NUMBER.str.contains(number_plans.fixed_lines(self._regions)) & ~_any_contains(others)

    def _concern(self) -> pl.Expr:
        is_elsewhere = pl.col("code").is_in(self._codes).not_() & bool(self._codes)
        is_neighbour = pl.col("region").is_not_null() & ~pl.col("is_of_product")
        return (
            pl.when(is_elsewhere)
            .then(pl.lit(NumberConcern.OTHER_COUNTRY.value))
            .when(~pl.col("is_allowed") & ~pl.col("is_accepted"))
            .then(pl.lit(NumberConcern.NOT_IN_PLAN.value))
            .when(is_neighbour & ~pl.col("is_accepted"))
            .then(pl.lit(NumberConcern.SHARED_CODE.value))
            .when("is_fixed")
            .then(pl.lit(NumberConcern.FIXED_LINE.value))
        )


def _any_contains(patterns: Iterable[str]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(value=False), *(_NUMBER.str.contains(pattern) for pattern in patterns))
