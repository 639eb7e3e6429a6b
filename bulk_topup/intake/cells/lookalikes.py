"""Texts that look the same to readers but are not: capitals, spaces, zeros; pure."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from bulk_topup.intake.cells.texts import HIDDEN_CLASS

_HIDDEN: Final = re.compile(f"[{HIDDEN_CLASS}]")
#: A number's sign, and its digits with separators but without leading zeros.
_NUMBER: Final = re.compile(r"\+?(-?)0*([0-9][0-9., ']*)")
_IN_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(?:[., '][0-9]{3})+")


def is_lookalike(one: str, other: str) -> bool:
    """Return True if two texts mean the same to a reader.

    They may differ in capitals, encoding of accents, spaces, invisible characters, and number format: 5, 05, 5.0 and
    5,00, or 1,000 and 1000.
    """
    return not _keys(one).isdisjoint(_keys(other))


@lru_cache(maxsize=4096)
def _keys(text: str) -> frozenset[str]:
    folded = unicodedata.normalize("NFKC", _HIDDEN.sub("", unicodedata.normalize("NFKC", text).casefold()))
    keys = {"".join(folded.split())}
    if (number := _NUMBER.fullmatch(folded)) is not None:
        sign, digits = number.groups()
        for whole in (digits, re.sub(r"[.,]0+$", "", digits)):
            keys.add(sign + whole)
            if _IN_THOUSANDS.fullmatch(whole):
                keys.add(sign + re.sub(r"[., ']", "", whole))
    return frozenset(keys)
