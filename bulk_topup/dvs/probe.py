"""Read the provider's clock, rate limit and certificate from one response and one connection.

Touches the network for the certificate only, since no transport exposes it.
"""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from bulk_topup.dvs.pagination import header_number
from bulk_topup.dvs.provider_clock import parse_date
from bulk_topup.dvs.transports.base import CONNECT_TIMEOUT, HTTPResponse, proxy_for, tls_context

_HTTPS_PORT = 443


@dataclass(frozen=True, kw_only=True, slots=True)
class Encryption:
    """The encryption of a connection to the provider, with a verified certificate."""

    #: E.g. TLSv1.3.
    version: str
    #: The issuer of the provider's certificate.
    issuer: str
    #: The end of the certificate's validity, in UTC.
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A response's status, with the facts of its headers and of a connection to its address."""

    status_code: int
    #: The provider's time, in UTC and whole seconds; None if not stated.
    date: datetime | None
    #: Allowed requests per second, and how many of them are left.
    rate_limit: int | None
    rate_remaining: int | None
    #: Whether the connection uses https.
    is_encrypted: bool
    #: None for plain http, or behind a proxy.
    encryption: Encryption | None


def probe_of(response: HTTPResponse, base_url: str, encryption: Encryption | None) -> Probe:
    """Return the probe of a response and a connection."""
    return Probe(
        status_code=response.status_code,
        date=parse_date(response.headers.get("date", "")),
        rate_limit=header_number(response.headers, "x-ratelimit-limit"),
        rate_remaining=header_number(response.headers, "x-ratelimit-remaining"),
        is_encrypted=urlsplit(base_url).scheme == "https",
        encryption=encryption,
    )


async def encryption_of(base_url: str) -> Encryption | None:
    """Open a connection to an address and return its encryption; None for plain http, or behind a proxy."""
    parts = urlsplit(base_url)
    if parts.scheme != "https" or proxy_for(base_url) is not None:
        return None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _HTTPS_PORT, ssl=tls_context())
    except OSError:  # the response came nevertheless, so the connection works
        return None
    try:
        return _encryption(writer.get_extra_info("ssl_object"))
    finally:
        writer.close()


def _encryption(tls: ssl.SSLObject) -> Encryption:
    certificate = tls.getpeercert() or {}
    issuer = dict(pair for part in certificate.get("issuer", ()) for pair in part)  # type: ignore[misc]
    return Encryption(
        version=tls.version() or "TLS",
        issuer=issuer.get("organizationName") or issuer.get("commonName") or "unknown issuer",
        expires_at=datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC),
    )
