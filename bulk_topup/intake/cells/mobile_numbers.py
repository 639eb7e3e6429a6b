"""Mobile numbers of lists in E.164 form; pure.

Only lengths are checked: only the operator knows whether a number is in use, and reserved test numbers must pass.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from bulk_topup.domain.number_plans import NOTHING, metadata_of
from bulk_topup.dvs.field_limits import E164
from bulk_topup.intake.cells.texts import BLANKS, CellProblem, check_invisible, has_foreign_digits, quoted, strip

#: Longest country code, in digits.
COUNTRY_CODE_DIGITS: Final = 3
_E164: Final = re.compile(E164)
_SCIENTIFIC: Final = re.compile(r"\+?[0-9]+(?:[.,][0-9]*)?[eE]\+?[0-9]+")
_BETWEEN_DIGITS: Final = re.compile(f"[{BLANKS}()\\-\u2010-\u2015\u2212]")
#: One or two digits after the only point or comma, or only zeros: decimals, and not a group of digits.
_DECIMALS: Final = re.compile(r"\+?[0-9]+[.,](?:[0-9]{1,2}|0+)")
_DIGITS: Final = re.compile(r"\+?[0-9]+")


def normalise_mobile_number(
    text: str, default_country: str | None, old_spellings: re.Pattern[str] | None = None
) -> str | CellProblem:
    """Return a mobile number in E.164 form.

    Args:
        text: the cell; spaces, dashes, points and parentheses between digits are ignored, and 00 means +.
        default_country: ISO 3166-1 alpha-2 code of the country of numbers without a country code, None for none.
        old_spellings: E.164 numbers that are right although their length is not possible today; None for none.

    Returns:
        `+`, country code and number, or why it is not a mobile number.
    """
    text = strip(text)
    if problem := check_invisible(text):
        return problem
    if has_foreign_digits(text):
        return CellProblem(message=f"{quoted(text)} contains digits other than 0 to 9. Write it with 0 to 9.")
    if _SCIENTIFIC.fullmatch(text):
        return CellProblem(
            message=f"{quoted(text)} is in scientific notation and has lost digits. "
            "Format the column as text and enter the numbers again."
        )
    compact = _BETWEEN_DIGITS.sub("", text)
    if _DECIMALS.fullmatch(compact):
        return CellProblem(
            message=f"{quoted(text)} has decimals. Format the column as text and enter the number again without them."
        )
    compact = compact.replace(".", "")
    if compact.startswith("00"):
        compact = "+" + compact[2:]
    if not _DIGITS.fullmatch(compact):
        return CellProblem(message=f"{quoted(text)} is not an E.164 number. Write + and digits only.")
    if compact.startswith("+"):
        if old_spellings is not None and old_spellings.fullmatch(compact):
            return compact
        return _international(text, compact)
    if default_country is None:
        return CellProblem(
            message=f"{quoted(text)} is not an E.164 number. "
            "Write it with + and the country code, or add --default-country."
        )
    return _national(text, compact, default_country)


def possible_lengths_pattern(prefixes: Iterable[str]) -> str:
    """Return a pattern of E.164 numbers with a possible length for their country, for regular expressions of Rust.

    Args:
        prefixes: `+` and up to three digits, with which the numbers begin: only their countries' plans are loaded.
    """
    heads = (prefix[1:length] for prefix in prefixes for length in range(2, 2 + COUNTRY_CODE_DIGITS))
    codes = {int(head) for head in heads if head.isascii() and head.isdigit()}
    known = sorted(codes & phonenumbers.COUNTRY_CODE_TO_REGION_CODE.keys())
    return f"^\\+(?:{'|'.join(map(_coded_lengths, known))})$" if known else NOTHING


@cache
def _coded_lengths(country_code: int) -> str:
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[country_code]
    lengths = "|".join(f"[0-9]{{{length}}}" for length in sorted(possible_lengths(country_code, regions[0])))
    return f"{country_code}(?:{lengths})"


@cache
def possible_lengths(country_code: int, region: str) -> frozenset[int]:
    """Return the possible numbers of digits after the country code in a region."""
    metadata = metadata_of(str(country_code), region)
    general = None if metadata is None else metadata.general_desc
    # Together with its code a number has 7 to 15 digits in DVS's pattern, whatever the tables say.
    prefix = len(str(country_code))
    possible = () if general is None else general.possible_length
    return frozenset(length for length in possible if 7 <= length + prefix <= 15)


def _international(text: str, compact: str) -> str | CellProblem:
    if not _E164.fullmatch(compact):
        return CellProblem(
            message=f"{quoted(text)} is not an E.164 number. Write + and 7 to 15 digits that start with a country code."
        )
    if _has_possible_length(compact):
        return compact
    try:
        number = phonenumbers.parse(compact)
    except NumberParseException:
        # A code that the tables do not have may be new: DVS decides.
        return compact
    country_code = f"country code +{number.country_code}"
    e164 = _e164(number)
    if e164 is not None and len(e164) <= len(compact):
        return e164
    # Some countries' rules add digits to a short number: the result may be another person's number.
    return CellProblem(message=_explain_length(text, number, country_code))


def _national(text: str, compact: str, region: str) -> str | CellProblem:
    try:
        number = phonenumbers.parse(compact, region)
    except NumberParseException:
        return CellProblem(
            message=f"{quoted(text)} is not a mobile number of {region}. Write it with + and the country code."
        )
    return _e164(number) or CellProblem(message=_explain_length(text, number, f"country {region}"))


def _e164(number: phonenumbers.PhoneNumber) -> str | None:
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return e164 if _E164.fullmatch(e164) else None


def _explain_length(text: str, number: phonenumbers.PhoneNumber, country: str) -> str:
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == ValidationResult.TOO_LONG:
        return f"{quoted(text)} has too many digits for {country}. Correct it."
    if reason in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return f"{quoted(text)} has too few digits for {country}. Correct it."
    return f"{quoted(text)} has an impossible number of digits for {country}. Correct it."


def _has_possible_length(e164: str) -> bool:
    digits = e164[1:]
    for code_length in range(1, COUNTRY_CODE_DIGITS + 1):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:code_length]))
        if regions:
            code = int(digits[:code_length])
            return len(digits) - code_length in possible_lengths(code, regions[0])
    return False
