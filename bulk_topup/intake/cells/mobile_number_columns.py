"""Mobile numbers of a whole column in E.164 form at once; pure.

polars converts the clear cases, with the patterns that phonenumbers has for each country. The rest is left to
phonenumbers itself, whose result for the clear cases is the same.
"""

import re
from functools import cache

import phonenumbers
import polars as pl
from phonenumbers import PhoneMetadata

from bulk_topup.intake.cells.mobile_numbers import COUNTRY_CODE_DIGITS, possible_lengths, possible_lengths_pattern

#: Marks that people write between digits; a point is not among them, as it may stand before decimals.
_MARKS = r" \x{a0}()\-\x{2010}-\x{2015}\x{2212}"


def normalise_mobile_numbers(
    texts: pl.Series, default_country: str | None, old_spellings: str | None = None
) -> pl.Series:
    """Return mobile numbers in E.164 form.

    Args:
        texts: the cells, stripped.
        default_country: ISO 3166-1 alpha-2 code of the country of numbers without a country code, None for none.
        old_spellings: a pattern of E.164 numbers that are right although their length is not possible today.

    Returns:
        `+`, country code and number, null for cells that phonenumbers must check.
    """
    cells = pl.DataFrame({"text": texts})
    compact = pl.col("text").str.replace_all(f"[{_MARKS}]", "").str.replace("^00", "+")
    is_plain = pl.col("text").str.contains(rf"^[+0-9{_MARKS}]+$")
    numbers = cells.select(compact=pl.when(is_plain).then(compact))
    national = pl.lit(None, dtype=pl.String) if default_country is None else _national(default_country)
    is_international = pl.col("compact").str.contains(e164_pattern(numbers["compact"], old_spellings))
    return numbers.select(pl.when(is_international).then("compact").otherwise(national)).to_series()


def e164_pattern(texts: pl.Series, old_spellings: str | None = None) -> str:
    """Return a pattern of those texts that are E.164 numbers of a length which is possible for their country.

    Only the plans of countries that occur are loaded: those of all take a tenth of a second.
    """
    prefixes = texts.str.slice(0, 1 + COUNTRY_CODE_DIGITS).drop_nulls().unique()
    pattern = possible_lengths_pattern(prefixes.filter(prefixes.str.starts_with("+")))
    return pattern if old_spellings is None else f"{pattern}|{old_spellings}"


@cache
def _national(region: str) -> pl.Expr:
    """Return E.164 numbers for a country's numbers in `compact`, by the rules of `phonenumbers.parse`."""
    metadata = PhoneMetadata.metadata_for_region(region)
    code = str(phonenumbers.country_code_for_region(region))
    # The first country with the code decides which lengths are possible.
    main_region = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    main_metadata = PhoneMetadata.metadata_for_region(main_region)
    if metadata is None or metadata.general_desc is None or main_metadata is None:
        return pl.lit(None, dtype=pl.String)
    pattern = f"^(?:{metadata.general_desc.national_number_pattern})$"
    lengths = list(possible_lengths(int(code), region) & possible_lengths(int(code), main_region))

    def is_number(digits: pl.Expr) -> pl.Expr:
        return digits.str.len_bytes().is_in(lengths) & digits.str.contains(pattern)

    def has_no_prefix(digits: pl.Expr) -> pl.Expr:
        return (_without_prefix(digits, metadata) == digits) & (_without_prefix(digits, main_metadata) == digits)

    written = pl.col("compact")
    own = _without_prefix(written, metadata)
    has_code = written.str.starts_with(code)
    is_own = is_number(own) & (~has_code | is_number(written))
    coded = written.str.slice(len(code))
    is_coded = has_code & ~written.str.contains(pattern) & is_number(coded) & has_no_prefix(coded)
    is_national = written.str.contains("^[0-9]+$") & ~written.str.contains(f"^(?:{metadata.international_prefix})")
    number = pl.when(is_own).then(own).when(is_coded).then(coded)
    return pl.when(is_national).then(pl.lit(f"+{code}") + number)


def _without_prefix(digits: pl.Expr, metadata: PhoneMetadata) -> pl.Expr:
    """Return digits without the national dialling prefix; null where the prefix is replaced by other digits."""
    prefix = f"^({metadata.national_prefix_for_parsing or ''})"
    rest = digits.str.slice(digits.str.extract(prefix).str.len_bytes().fill_null(0))
    if not metadata.national_prefix_transform_rule:
        return rest
    return pl.when(digits.str.extract(prefix, re.compile(prefix).groups).is_null()).then(rest)
