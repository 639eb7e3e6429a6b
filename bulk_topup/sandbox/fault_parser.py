"""Reads faults: from words of the command line, from JSON, and from a TOML file; touches nothing but that file."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.fault_base import MAX_FAULTS
from bulk_topup.sandbox.faults import KINDS, AnyFault

#: A fault as words.
EXAMPLE = "drop POST /async/transactions probability=0.1 seed=7"

_METHOD = re.compile(r"[A-Z]+")
_List = Annotated[list[AnyFault], Meta(max_length=MAX_FAULTS)]


def parse_fault(text: str) -> AnyFault:
    """Read a fault from words: its kind, then optionally a method, a path and settings like `probability=0.1`.

    Raises:
        ConfigurationError: the words are not a fault; the message says why.
    """
    kind, *words = text.split() or [""]
    values: dict[str, str] = {"kind": kind}
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("/"):
            name, value = "path", word
        elif not equals and _METHOD.fullmatch(word):
            name, value = "method", word
        elif not equals:
            raise ConfigurationError(f'Fault "{text}": "{word}" is not a setting. Write a fault like "{EXAMPLE}".')
        if name in values:
            raise ConfigurationError(f'Fault "{text}": {name} appears twice. Remove one.')
        values[name] = value
    if kind not in KINDS:
        raise ConfigurationError(f'Fault "{text}": unknown kind. Start with one of {", ".join(KINDS)}.')
    try:
        fault: AnyFault = msgspec.convert(values, AnyFault, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f'Fault "{text}": {error}. Write a fault like "{EXAMPLE}".') from None
    return fault


def make_faults(values: object, where: str) -> list[AnyFault]:
    """Create faults from plain values, as JSON and TOML contain them.

    Args:
        values: what should be a list of tables.
        where: the place of the values, which starts the error message.

    Raises:
        ConfigurationError: the values are not faults; the message says which and why.
    """
    try:
        return msgspec.convert(values, _List)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where} is not a list of faults: {error}. Kinds are {', '.join(KINDS)}.") from None


def read_faults(body: bytes) -> list[AnyFault]:
    """Read a JSON list of faults.

    Raises:
        ConfigurationError: the body is not JSON, or not a list of faults.
    """
    try:
        values = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"The body is not JSON: {error}.") from None
    return make_faults(values, "The body")


def load_faults(path: Path) -> list[AnyFault]:
    """Read the `[[fault]]` tables of a TOML file.

    Raises:
        ConfigurationError: the file cannot be read, is not TOML, or contains anything else.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"Can't read fault file {path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"Fault file {path} is not valid TOML: {error}.") from None
    if set(values) != {"fault"}:
        raise ConfigurationError(f"Fault file {path} must contain [[fault]] tables and nothing else.")
    return make_faults(values["fault"], f"Fault file {path}")
