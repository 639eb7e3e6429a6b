"""PINs in the ledger: encrypted before they are written, and encrypted anew where they were not, or by another key."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bulk_topup.errors import LedgerError, PinKeyError
from bulk_topup.ledger.connection import open_database, scrub, transaction, translate_errors
from bulk_topup.ledger.pin_keys import SEALED, PinKeys, load_or_make_pin_keys, load_pin_keys

#: Stands among the ledger's keys while there may be PINs that were never encrypted.
_UNSEALED: Final = ""
#: Attempts whose PINs are encrypted anew at once.
_BATCH: Final = 1_000

_KEYS = "SELECT id FROM pin_keys"
_ADD_KEY = "INSERT OR IGNORE INTO pin_keys (id) VALUES (:key)"
_FORGET_KEYS = "DELETE FROM pin_keys WHERE id <> :newest"
_FORGET_KEY = "DELETE FROM pin_keys WHERE id = :key"
_EXTERNAL_ID = "SELECT external_id FROM attempts WHERE row_id = :row_id AND number = :attempt"
_OTHERWISE_SEALED = """
    SELECT id, external_id, pin_code, pin_serial FROM attempts
    WHERE id > :after_id
      AND (substr(pin_code, 1, length(:sealed)) <> :sealed OR substr(pin_serial, 1, length(:sealed)) <> :sealed)
    ORDER BY id LIMIT :limit
"""
_WRITE_PIN = "UPDATE attempts SET pin_code = :pin_code, pin_serial = :pin_serial WHERE id = :id"

#: The fields of an attempt that are secret.
PIN_FIELDS: Final = ("pin_code", "pin_serial")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotated:
    """What became of a ledger's PINs."""

    #: PINs that are encrypted with the newest key now and were not before.
    sealed: int
    #: PINs that no key at hand opens; they stay as they are.
    unreadable: int


def encrypt_pins(connection: sqlite3.Connection, keys: PinKeys, facts: Iterable[dict[str, Any]]) -> None:
    """Encrypt the PINs among the parameters that write what the provider says of attempts."""
    for values in facts:
        if values["pin_code"] is None and values["pin_serial"] is None:
            continue
        external_id = connection.execute(_EXTERNAL_ID, values).fetchone()[0]
        values |= {field: keys.seal(values[field], external_id, field) for field in PIN_FIELDS}
        connection.execute(_ADD_KEY, {"key": keys.newest})


def keys_for(connection: sqlite3.Connection, path: Path) -> PinKeys:
    """Give the keys that a ledger opened for writing goes on with, before anything is sent for it.

    PINs that an earlier version left unencrypted are encrypted, and nothing of them stays in the file.

    Raises:
        PinKeyError: there is no usable key, or one that the ledger's PINs are encrypted with is missing.
    """
    used = {row[0] for row in connection.execute(_KEYS)}
    keys = load_pin_keys()
    if missing := sorted(used - {_UNSEALED} - set(keys.ids)):
        raise PinKeyError(
            f"PINs in the ledger {path} are encrypted with the key {', '.join(missing)}, which is not in {keys.where}, "
            f"so nothing was sent. Bring that key back; or, if it is lost, `bulk-topup pin-key rotate --ledger {path}` "
            "goes on without it, and those PINs can only be asked of the provider."
        )
    keys = keys if keys.ids else load_or_make_pin_keys()
    if _UNSEALED in used:
        _seal_anew(connection, keys)
        # Until nothing of them is left in the file, every start tries again.
        if scrub(connection):
            connection.execute(_FORGET_KEY, {"key": _UNSEALED})
    return keys


def rotate_pins(path: Path) -> Rotated:
    """Encrypt a ledger's PINs with the newest key at hand; those that no key opens are left, and hinder no start more.

    Raises:
        PinKeyError: there is no key.
        LedgerError: the file cannot be used, or another process reads it.
    """
    keys = load_pin_keys()
    newest = keys.newest
    with translate_errors(path):
        connection = open_database(path)
        try:
            rotated = _seal_anew(connection, keys)
            if not scrub(connection):
                raise LedgerError(
                    f"Another process reads the ledger {path}, so what is encrypted with other keys is still in its "
                    "log; wait until that process ends, then start the same again."
                )
            with transaction(connection):
                connection.execute(_ADD_KEY, {"key": newest})
                connection.execute(_FORGET_KEYS, {"newest": newest})
        finally:
            connection.close()
    return rotated


def _seal_anew(connection: sqlite3.Connection, keys: PinKeys) -> Rotated:
    """Encrypt all PINs that the newest key did not encrypt, all or none."""
    sealed = unreadable = after_id = 0
    values = {"sealed": f"{SEALED}{keys.newest}:", "limit": _BATCH}
    with transaction(connection):
        connection.execute(_ADD_KEY, {"key": keys.newest})
        while batch := connection.execute(_OTHERWISE_SEALED, {**values, "after_id": after_id}).fetchall():
            after_id = batch[-1]["id"]
            for row in batch:
                try:
                    pins = {field: _sealed_anew(row, field, keys) for field in PIN_FIELDS}
                except PinKeyError:
                    unreadable += 1
                    continue
                connection.execute(_WRITE_PIN, {"id": row["id"], **pins})
                sealed += 1
    return Rotated(sealed=sealed, unreadable=unreadable)


def _sealed_anew(row: sqlite3.Row, field: str, keys: PinKeys) -> str | None:
    text: str | None = row[field]
    if text is not None and text.startswith(SEALED):
        text = keys.opened(text, row["external_id"], field)
    return keys.seal(text, row["external_id"], field)
