"""Lists that are not files here: standard input, and addresses such as https://; what of them may be shown; pure."""

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

#: The list that is read from standard input.
STANDARD_INPUT: Final = "-"
#: What an address may start with; http only reaches this machine.
SCHEMES: Final = ("https", "http", "s3", "gs", "sftp")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: Shorter parts of a query are no secrets.
SHORTEST_SECRET: Final = 8
#: Characters of an address that a list's name keeps.
MAX_NAME: Final = 100
#: The name of a list whose address has none.
NO_NAME: Final = "list"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def is_fetched(list_: str) -> bool:
    """Return True if a list is standard input or an address, so that it is fetched before it is read."""
    return list_ == STANDARD_INPUT or _ADDRESS.match(list_) is not None


def shown_address(list_: str) -> str:
    """Return a list's path, or its address without user name, password, query and fragment: they may be secret."""
    if list_ == STANDARD_INPUT or not is_fetched(list_):
        return list_
    parts = urlsplit(list_)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def secrets_of(list_: str) -> tuple[str, ...]:
    """Return what of an address may be a credential: password, user info and the parts of the query."""
    if list_ == STANDARD_INPUT or not is_fetched(list_):
        return ()
    parts = urlsplit(list_)
    user = parts.netloc.rpartition("@")[0]
    values = [part.partition("=")[2] for part in parts.query.split("&")]
    long = [text for text in (parts.query, *values) if len(text) >= SHORTEST_SECRET]
    found = (user, user.partition(":")[2], *long)
    return tuple(dict.fromkeys(text for each in found if each for text in (each, unquote(each))))


def list_name(list_: str) -> str:
    """Return the file name of a list: the last part of its address; standard input has none."""
    if list_ == STANDARD_INPUT:
        return NO_NAME
    name = PurePosixPath(unquote(urlsplit(list_).path)).name
    return re.sub(r"[\x00-\x1f/\\]", "_", name)[-MAX_NAME:] or NO_NAME


def has_own_name(list_: str) -> bool:
    """Return True if a list's name tells it from others: no standard input, and no address with a query."""
    return list_ != STANDARD_INPUT and not urlsplit(list_).query and list_name(list_) != NO_NAME


def why_not_fetchable(list_: str) -> str | None:
    """Return why a list's address can't be used, with the fix; None if it can."""
    if list_ == STANDARD_INPUT:
        return None
    try:
        parts = urlsplit(list_)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "The address of the list is not valid. Check its host and port."
    if parts.scheme not in SCHEMES:
        return f'"{parts.scheme}://" is not supported. Use one of {", ".join(f"{each}://" for each in SCHEMES)}.'
    if not host:
        return f"{shown_address(list_)} has no host or bucket. Add it."
    if parts.scheme == "http" and host not in _LOOPBACK:
        return f"{shown_address(list_)} is not encrypted, so anybody on the way could change the list. Use https://."
    return None
