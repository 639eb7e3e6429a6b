"""JSON with exact decimals: number text becomes Decimal and Decimal becomes number text, never through a float.

pydantic's own JSON parser reads a fractional number as a float before it makes a Decimal of it, so bodies are decoded
here and validated as Python values.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

#: Powers of ten that a number may have, and characters that it may be written with: what amounts need many times over.
#: Without them a few bytes such as 1e999999999 would become gigabytes in plain notation.
MAX_EXPONENT: Final = 100
MAX_NUMBER_LENGTH: Final = 200


def _bounded_decimal(text: str) -> Decimal:
    number = Decimal(text)
    if len(text) <= MAX_EXPONENT and "e" not in text and "E" not in text:
        return number  # nearly all: in plain notation its characters bound its powers of ten
    if len(text) > MAX_NUMBER_LENGTH or abs(number.adjusted()) > MAX_EXPONENT:
        raise InvalidOperation
    return number


_decoder = msgspec.json.Decoder(float_hook=_bounded_decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

InvalidJSON = msgspec.DecodeError


def decode(body: bytes | str) -> Any:  # noqa: ANN401 - JSON can be anything
    """Parse JSON text; fractional and exponent numbers come as Decimal, whole ones as int.

    Raises:
        InvalidJSON: the text is not JSON.
    """
    try:
        return _decoder.decode(body)
    except UnicodeDecodeError as error:
        raise InvalidJSON(f"not UTF-8 at byte {error.start}") from None
    except (InvalidOperation, RecursionError):
        raise InvalidJSON("a number or a depth that nothing can hold") from None


def encode(value: object) -> bytes:
    """Write plain values (dict, list, str, int, bool, None, Decimal) as compact UTF-8 JSON."""
    return _encoder.encode(value)
