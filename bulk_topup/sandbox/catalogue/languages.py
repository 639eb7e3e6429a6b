"""Which language a request is answered in, by its Accept-Language; pure."""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache


class Language(StrEnum):
    """The languages that texts are kept in; English is what those get who ask for none of them."""

    ENGLISH = "en"
    SPANISH = "es"
    FRENCH = "fr"


_BY_TAG = {language.value: language for language in Language} | {"*": Language.ENGLISH}
#: How much a language is wanted, from 0 (not at all) to 1, which is also what no weight means (RFC 9110, 12.4.2).
_WEIGHT = re.compile(r"[Qq]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
#: Clients send few different headers.
_HEADERS_KEPT = 256


def language_of(headers: Sequence[tuple[bytes, bytes]]) -> Language:
    """Give the language for a request with these headers (reference: Internationalization)."""
    return preferred(", ".join(value.decode("latin-1") for name, value in headers if name == b"accept-language"))


@lru_cache(maxsize=_HEADERS_KEPT)
def preferred(accepted: str) -> Language:
    """Give the best language for an Accept-Language; a part of a country (`es-MX`) falls back to its language.

    What cannot be read is passed over. Of languages that are wanted alike, the first is taken.
    """
    best, best_weight = Language.ENGLISH, 0.0
    for wanted in accepted.split(","):
        tag, separator, parameter = (part.strip() for part in wanted.partition(";"))
        language = _BY_TAG.get(tag.lower().partition("-")[0])
        stated = _WEIGHT.fullmatch(parameter)
        weight = float(stated[1]) if stated else float(not separator)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best
