"""The addresses that a transaction's callback can have; plain data."""

from typing import Final

_HEX: Final = "[0-9A-Fa-f]{1,4}"
_OCTET: Final = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = rf"{_OCTET}(\.{_OCTET}){{3}}"
_LAST: Final = f"({_HEX}:{_HEX}|{_IPV4})"
#: An IPv6 address (RFC 3986, 3.2.2): groups before and after the two colons that stand for all others.
_IPV6: Final = "|".join(
    (
        f"({_HEX}:){{6}}{_LAST}",
        f"::({_HEX}:){{5}}{_LAST}",
        *(f"(({_HEX}:){{0,{before}}}{_HEX})?::({_HEX}:){{{4 - before}}}{_LAST}" for before in range(5)),
        f"(({_HEX}:){{0,5}}{_HEX})?::{_HEX}",
        f"(({_HEX}:){{0,6}}{_HEX})?::",
    )
)
_ESCAPED: Final = "%[0-9A-Fa-f]{2}"
_USER: Final = rf"([A-Za-z0-9._~!$&'()*+,;=:-]|{_ESCAPED})*@"
#: A character of a URL path (RFC 3986).
_PATH_CHARACTER: Final = rf"[A-Za-z0-9._~!$&'()*+,;=:@/-]|{_ESCAPED}"

#: A URL in ASCII, which every HTTP client accepts: in any case, with API credentials for HTTP basic authentication or
#: without, with the name of a host or its IPv4 or IPv6 address.
CALLBACK_URL: Final = (
    rf"^[Hh][Tt][Tt][Pp][Ss]?://({_USER})?([A-Za-z0-9._~-]+|\[({_IPV6})\])(:[0-9]{{1,5}})?"
    rf"(/({_PATH_CHARACTER})*)?(\?({_PATH_CHARACTER}|\?)*)?(#({_PATH_CHARACTER}|\?)*)?$"
)
