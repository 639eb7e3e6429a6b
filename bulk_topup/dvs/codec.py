"""Read and write JSON with exact decimals, never through a float; pure.

pydantic's JSON parser turns a fractional number into a float before it creates a Decimal, so bodies are decoded here
and validated as Python values.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

#: Largest power of ten and most characters of a number: far more than amounts need. Without these bounds a few bytes,
#: such as 1e999999999, would become gigabytes in plain notation.
MAX_EXPONENT: Final = 100
MAX_NUMBER_LENGTH: Final = 200


def _bounded_decimal(text: str) -> Decimal:
    number = Decimal(text)
    if len(text) <= MAX_EXPONENT and "e" not in text and "E" not in text:
        return number  # the usual case: in plain notation its length bounds its powers of ten
    if len(text) > MAX_NUMBER_LENGTH or abs(number.adjusted()) > MAX_EXPONENT:
        raise InvalidOperation
    return number


_decoder = msgspec.json.Decoder(float_hook=_bounded_decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

InvalidJSON = msgspec.DecodeError


def decode(body: bytes | str) -> Any:  # noqa: ANN401 - JSON can be anything
    """Return the value of a JSON text; numbers with a fraction or an exponent as Decimal, others as int.

    Raises:
        InvalidJSON: the text is not JSON.
    """
    try:
        return _decoder.decode(body)
    except UnicodeDecodeError as error:
        raise InvalidJSON(f"not UTF-8 at byte {error.start}") from None
    except (InvalidOperation, RecursionError):
        raise InvalidJSON("a number or a depth beyond all bounds") from None


def encode(value: object) -> bytes:
    """Return plain values (dict, list, str, int, bool, None, Decimal) as compact UTF-8 JSON."""
    return _encoder.encode(value)
