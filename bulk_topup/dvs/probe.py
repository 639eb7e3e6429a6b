"""What one answer says of the provider and of the way to it: its clock, its rate limit; and its certificate.

Touches the network for the certificate alone: no transport tells of it.
"""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bulk_topup.dvs.pagination import header_number
from bulk_topup.dvs.transports.base import CONNECT_TIMEOUT, HTTPResponse, proxy_for, tls_context

_HTTPS_PORT = 443


@dataclass(frozen=True, kw_only=True, slots=True)
class Encryption:
    """How a connection to the provider is encrypted; its certificate was verified, or there would be none."""

    #: E.g. TLSv1.3.
    version: str
    #: Who vouches for the provider's certificate.
    issuer: str
    #: Until when, in UTC.
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """An answer's status, and what its headers and a connection to its address say."""

    status_code: int
    #: The provider's time of day, in UTC and whole seconds; None where it does not say.
    date: datetime | None
    #: Requests a second that are allowed, and how many of them are left.
    rate_limit: int | None
    rate_remaining: int | None
    #: Whether it came over https.
    is_encrypted: bool
    #: None for plain http, and where a proxy hides it.
    encryption: Encryption | None


def probe_of(answer: HTTPResponse, base_url: str, encryption: Encryption | None) -> Probe:
    """Put together what is known."""
    return Probe(
        status_code=answer.status_code,
        date=_date(answer.headers.get("date", "")),
        rate_limit=header_number(answer.headers, "x-ratelimit-limit"),
        rate_remaining=header_number(answer.headers, "x-ratelimit-remaining"),
        is_encrypted=urlsplit(base_url).scheme == "https",
        encryption=encryption,
    )


async def encryption_of(base_url: str) -> Encryption | None:
    """Open a connection to an address and see how it is encrypted; None for plain http, or where nobody can see."""
    parts = urlsplit(base_url)
    if parts.scheme != "https" or proxy_for(base_url) is not None:
        return None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _HTTPS_PORT, ssl=tls_context())
    except OSError:  # an answer came all the same, so that this is no trouble of the connection
        return None
    try:
        return _encryption(writer.get_extra_info("ssl_object"))
    finally:
        writer.close()


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _encryption(tls: ssl.SSLObject) -> Encryption:
    certificate = tls.getpeercert() or {}
    issuer = dict(pair for part in certificate.get("issuer", ()) for pair in part)  # type: ignore[misc]
    return Encryption(
        version=tls.version() or "TLS",
        issuer=issuer.get("organizationName") or issuer.get("commonName") or "nobody that is named",
        expires_at=datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC),
    )
