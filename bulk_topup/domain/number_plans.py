"""The numbering plans of all countries as regular expressions that Python and polars read alike; pure.

They are compiled from the metadata of phonenumbers, so that they always are those of the installed version.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc

#: The region of calling codes without a country, such as 800.
NO_COUNTRY: Final = "001"
#: Types of numbers that are neither of a mobile nor of a fixed line, by the names of phonenumbers.
_OTHER_TYPES: Final = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
_LINE_TYPES: Final = ("fixed_line", "mobile")
#: Matches no number.
NOTHING: Final = "^[^0-9+]$"


def metadata_of(code: str, region: str) -> PhoneMetadata | None:
    """Return the plan of a region; None if phonenumbers does not have it.

    Args:
        code: its calling code.
        region: ISO 3166-1 alpha-2, or `NO_COUNTRY`.
    """
    if region == NO_COUNTRY:
        return PhoneMetadata.metadata_for_nongeo_region(int(code))
    return PhoneMetadata.metadata_for_region(region)


def regions_of(code: str) -> tuple[str, ...]:
    """Return the regions that share a calling code, in the order in which phonenumbers tries them."""
    return phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())


def calling_code(region: str) -> str | None:
    """Return a region's calling code without `+`; None for a region without numbers."""
    code = phonenumbers.country_code_for_region(region)
    return str(code) if code else None


@cache
def calling_codes() -> str:
    """Return a pattern with a group: the calling code of an E.164 number. No code starts with another."""
    codes = "|".join(map(str, sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)))
    return rf"^\+({codes})"


@cache
def allowed_numbers() -> str:
    """Return a pattern of every E.164 number that a numbering plan of its calling code allows, of whatever type."""
    branches = []
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        plans = (metadata_of(str(code), region) for region in regions)
        branches.append(_coded(str(code), (plan.general_desc for plan in plans if plan is not None)))
    return _joined(branches)


@cache
def numbers_of(region: str) -> str:
    """Return a pattern of a region's numbers; of those that several regions share, the first of `regions_of` counts.

    So do they in `phonenumbers.region_code_for_number`.
    """
    code = calling_code(region)
    plan = None if code is None else metadata_of(code, region)
    if code is None or plan is None:
        return NOTHING
    if len(regions_of(code)) == 1:
        return rf"^\+{code}"
    if plan.leading_digits is not None:
        return rf"^\+{code}(?:{_ascii(plan.leading_digits)})"
    return _joined([_coded(code, (getattr(plan, name) for name in (*_LINE_TYPES, *_OTHER_TYPES)))])


def mobile_numbers(regions: Collection[str]) -> str:
    """Return a pattern of the mobile numbers of regions."""
    return _of_types(regions, ("mobile",))


def fixed_lines(regions: Collection[str]) -> str:
    """Return a pattern of the fixed lines of regions; some of them may be mobile numbers or others, too."""
    return _of_types(regions, ("fixed_line",))


def other_numbers(regions: Collection[str]) -> str:
    """Return a pattern of the numbers of regions that are of no mobile and no fixed line, such as toll-free ones."""
    return _of_types(regions, _OTHER_TYPES)


def _of_types(regions: Iterable[str], types: Iterable[str]) -> str:
    branches = []
    for region in sorted(regions):
        code = calling_code(region)
        plan = None if code is None else metadata_of(code, region)
        if code is not None and plan is not None:
            branches.append(_coded(code, (getattr(plan, name) for name in types)))
    return _joined(filter(None, branches))


def _coded(code: str, descriptions: Iterable[PhoneNumberDesc | None]) -> str:
    """Return a branch of the numbers with a calling code that any of the descriptions has; empty for none."""
    patterns = "|".join(dict.fromkeys(_patterns(descriptions)))
    return f"{code}(?:{patterns})" if patterns else ""


def _patterns(descriptions: Iterable[PhoneNumberDesc | None]) -> Iterator[str]:
    for description in descriptions:
        if description is not None and description.national_number_pattern:
            yield _ascii(description.national_number_pattern)


def _joined(branches: Iterable[str]) -> str:
    pattern = "|".join(branches)
    return rf"^\+(?:{pattern})$" if pattern else NOTHING


def _ascii(pattern: str) -> str:
    r"""Return a pattern whose digits are 0 to 9: `\d` is any digit of Unicode, which takes polars far more memory."""
    return pattern.replace(r"\d", "[0-9]")
