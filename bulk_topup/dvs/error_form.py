"""Tell error bodies of DVS from what anybody else on the way answers, and describe the latter; pure."""

from typing import Any, Final

from bulk_topup.dvs import codec
from bulk_topup.dvs.errors import QUOTED_CHARACTERS, ErrorDetail
from bulk_topup.dvs.transports.base import HTTPResponse
from bulk_topup.security.terminal_text import printable

#: Most entries of an error body that are read.
MAX_ERROR_DETAILS: Final = 20
#: Most bytes at the start of a foreign body of which words are quoted.
_READ_BYTES: Final = 400
#: Most characters of those words.
_QUOTED_WORDS: Final = 60
#: Most characters of a media type.
_TYPE_CHARACTERS: Final = 60


def error_details(body: bytes) -> tuple[ErrorDetail, ...]:
    """Return the entries of an error body in DVS's form; none if it has any other form (reference: Errors).

    The form is an object with a list `errors`, whose entries each have a whole number `code` and a text `message`.
    """
    try:
        value: Any = codec.decode(body)
    except codec.InvalidJSON:
        return ()
    entries = value.get("errors") if isinstance(value, dict) else None
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        return ()
    return tuple(
        ErrorDetail(code=entry["code"], message=printable(entry["message"][:QUOTED_CHARACTERS]))
        for entry in entries[:MAX_ERROR_DETAILS]
    )


def describe_foreign(response: HTTPResponse) -> str:
    """Return what a response is that is not in DVS's form: media type, size, and the first words in quotes.

    A successful one is not quoted: it may be a transaction with a PIN.
    """
    size = f"{len(response.body):,} {'byte' if len(response.body) == 1 else 'bytes'}"
    if not response.body:
        return "an empty body"
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    described = f"{printable(kind[:_TYPE_CHARACTERS]) or 'a body without a type'} of {size}"
    words = " ".join(response.body[:_READ_BYTES].decode("utf-8", errors="replace").split())
    if response.status_code < 300 or not words:
        return described
    shown = printable(words[:_QUOTED_WORDS]).replace('"', "'")
    return f'{described}, "{shown}{"…" if len(words) > _QUOTED_WORDS else ""}"'


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    code, message = entry.get("code"), entry.get("message")
    return isinstance(code, int) and not isinstance(code, bool) and isinstance(message, str)
