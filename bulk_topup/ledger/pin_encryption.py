"""Encrypts PINs before they are written to the ledger, and encrypts stored ones again with the newest key.

PINs are all secrets of a purchase here, so also the profiles of eSIMs.
"""

import shlex
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.errors import LedgerError, PinKeyError
from bulk_topup.ledger.connection import open_database, scrub, transaction, translate_errors
from bulk_topup.ledger.pin_keys import ENCRYPTED_PREFIX, PinKeys, load_or_create_pin_keys, load_pin_keys

#: A key ID of the ledger while it may hold PINs that were never encrypted.
_UNENCRYPTED: Final = ""
#: Attempts whose PINs are encrypted again at once.
_BATCH: Final = 1_000

_KEYS: Final = "SELECT id FROM pin_keys"
_ADD_KEY: Final = "INSERT OR IGNORE INTO pin_keys (id) VALUES (:key)"
_DELETE_OTHER_KEYS: Final = "DELETE FROM pin_keys WHERE id <> :newest"
_DELETE_KEY: Final = "DELETE FROM pin_keys WHERE id = :key"
_EXTERNAL_ID: Final = "SELECT external_id FROM attempts WHERE row_id = :row_id AND number = :attempt"
_OTHER_PINS: Final = f"""
    SELECT id, external_id, {", ".join(SECRET_FIELDS)} FROM attempts
    WHERE id > :after_id
      AND ({" OR ".join(f"substr({name}, 1, length(:prefix)) <> :prefix" for name in SECRET_FIELDS)})
    ORDER BY id LIMIT :limit
"""  # noqa: S608 - composed of constants
_WRITE_PIN: Final = f"UPDATE attempts SET {', '.join(f'{name} = :{name}' for name in SECRET_FIELDS)} WHERE id = :id"  # noqa: S608


@dataclass(frozen=True, kw_only=True, slots=True)
class PinRotation:
    """How many PINs of a ledger were encrypted again."""

    #: Attempts whose PINs are now encrypted with the newest key and were not before.
    encrypted: int
    #: Attempts whose PINs no available key decrypts; they stay as they are.
    unreadable: int


def encrypt_pins(connection: sqlite3.Connection, keys: PinKeys, facts: Iterable[dict[str, Any]]) -> None:
    """Encrypt the PINs in parameters that write facts of attempts."""
    for values in facts:
        if all(values[field] is None for field in SECRET_FIELDS):
            continue
        external_id = connection.execute(_EXTERNAL_ID, values).fetchone()[0]
        values |= {field: keys.encrypt(values[field], external_id, field) for field in SECRET_FIELDS}
        connection.execute(_ADD_KEY, {"key": keys.newest})


def keys_for(connection: sqlite3.Connection, path: Path) -> PinKeys:
    """Return the keys for a ledger opened for writing.

    PINs that an earlier version left unencrypted are encrypted, and removed from the file in plain text.

    Raises:
        PinKeyError: no key can be used, or a key that PINs of the ledger are encrypted with is missing.
    """
    used = {row[0] for row in connection.execute(_KEYS)}
    keys = load_pin_keys()
    if missing := sorted(used - {_UNENCRYPTED} - set(keys.ids)):
        raise PinKeyError(
            f"PINs in the ledger {path} are encrypted with the key {', '.join(missing)}, which is not in {keys.where}, "
            f"so nothing was sent. Restore that key. If it is lost, run `bulk-topup pin-key rotate --ledger "
            f"{shlex.quote(str(path))}`; then those PINs can only be fetched from DVS."
        )
    keys = keys if keys.ids else load_or_create_pin_keys()
    if _UNENCRYPTED in used:
        _encrypt_all(connection, keys)
        # Every invocation tries again until the file holds no plain text of them.
        if scrub(connection):
            connection.execute(_DELETE_KEY, {"key": _UNENCRYPTED})
    return keys


def rotate_pins(path: Path) -> PinRotation:
    """Encrypt a ledger's PINs with the newest key; PINs that no key decrypts stay, and no longer stop runs.

    Raises:
        PinKeyError: there is no key.
        LedgerError: the file can't be used, or another process is reading it.
    """
    keys = load_pin_keys()
    newest = keys.newest
    with translate_errors(path):
        connection = open_database(path)
        try:
            rotated = _encrypt_all(connection, keys)
            if not scrub(connection):
                raise LedgerError(
                    f"Another process is reading the ledger {path}, so PINs encrypted with other keys are still in its "
                    "log. Wait until that process ends, then run the same command again."
                )
            with transaction(connection):
                connection.execute(_ADD_KEY, {"key": newest})
                connection.execute(_DELETE_OTHER_KEYS, {"newest": newest})
        finally:
            connection.close()
    return rotated


def _encrypt_all(connection: sqlite3.Connection, keys: PinKeys) -> PinRotation:
    """Encrypt all PINs that are not encrypted with the newest key, all or none."""
    encrypted = unreadable = after_id = 0
    values = {"prefix": f"{ENCRYPTED_PREFIX}{keys.newest}:", "limit": _BATCH}
    with transaction(connection):
        connection.execute(_ADD_KEY, {"key": keys.newest})
        while batch := connection.execute(_OTHER_PINS, {**values, "after_id": after_id}).fetchall():
            after_id = batch[-1]["id"]
            for row in batch:
                try:
                    pins = {field: _encrypt_again(row, field, keys) for field in SECRET_FIELDS}
                except PinKeyError:
                    unreadable += 1
                    continue
                connection.execute(_WRITE_PIN, {"id": row["id"], **pins})
                encrypted += 1
    return PinRotation(encrypted=encrypted, unreadable=unreadable)


def _encrypt_again(row: sqlite3.Row, field: str, keys: PinKeys) -> str | None:
    text: str | None = row[field]
    if text is not None and text.startswith(ENCRYPTED_PREFIX):
        text = keys.decrypt(text, row["external_id"], field)
    return keys.encrypt(text, row["external_id"], field)
