"""The address that callbacks are posted to: what it may be, and the part of it that is no secret; pure."""

from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit


def is_safe_address(url: str) -> bool:
    """Return True if a URL is one of HTTPS, or one of HTTP that does not leave this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all, such as one with half of a bracket
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def is_loopback(url: str) -> bool:
    """Return True if a URL's host is this machine, whatever the network."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def with_token(url: str, token: str) -> str:
    """Return a URL whose path ends with a token."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{token}"))


def approved_address(url: str | None) -> str:
    """Return what an approval says of a callback URL without its token; empty where nothing leaves this machine."""
    if url is None or is_loopback(url):
        return ""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
