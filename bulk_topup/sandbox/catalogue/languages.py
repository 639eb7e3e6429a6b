"""Chooses the language of a response by Accept-Language; pure."""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache


class Language(StrEnum):
    """The available languages; English is the default."""

    ENGLISH = "en"
    SPANISH = "es"
    FRENCH = "fr"


_BY_TAG = {language.value: language for language in Language} | {"*": Language.ENGLISH}
#: The weight of a language, from 0 (not acceptable) to 1, the default (RFC 9110, 12.4.2).
_WEIGHT = re.compile(r"[Qq]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
#: Clients send few different headers.
_CACHED_HEADERS = 256


def language_of(headers: Sequence[tuple[bytes, bytes]]) -> Language:
    """Return the language for the headers of a request (reference: Internationalization)."""
    return preferred(", ".join(value.decode("latin-1") for name, value in headers if name == b"accept-language"))


@lru_cache(maxsize=_CACHED_HEADERS)
def preferred(accepted: str) -> Language:
    """Return the best language for an Accept-Language; a regional variant (`es-MX`) falls back to its language.

    Invalid parts are ignored. Among equal weights the first wins.
    """
    best, best_weight = Language.ENGLISH, 0.0
    for entry in accepted.split(","):
        tag, separator, parameter = (part.strip() for part in entry.partition(";"))
        language = _BY_TAG.get(tag.lower().partition("-")[0])
        match = _WEIGHT.fullmatch(parameter)
        weight = float(match[1]) if match else float(not separator)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best
