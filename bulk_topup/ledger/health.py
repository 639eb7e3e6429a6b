"""Looks whether the ledger's file is sound, without changing anything."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.ledger.connection import open_for_reading, translate_errors

SQLITE_VERSION: Final = sqlite3.sqlite_version

#: Problems that are told of a damaged file.
_MAX_PROBLEMS: Final = 5
_SOUND: Final = "ok"

_CHECK = f"PRAGMA integrity_check({_MAX_PROBLEMS})"
_CHECK_KEYS = 'SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY "table"'
_KEYS = "SELECT id FROM pin_keys WHERE id <> ''"


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What a look at the file found."""

    #: What is damaged, in SQLite's words; empty for a sound file.
    problems: tuple[str, ...]
    #: Bytes of the file and of its write-ahead log.
    size: int
    log_size: int
    #: The keys that its PINs are encrypted with.
    pin_keys: frozenset[str]


def examine(path: Path) -> Health:
    """Check every page, index and reference of a ledger; takes some seconds for a million rows.

    Raises:
        LedgerError: it is no ledger, one of another version, or cannot be read at all.
    """
    log = path.with_name(f"{path.name}-wal")
    with translate_errors(path), closing(open_for_reading(path)) as connection:
        problems = [row[0] for row in connection.execute(_CHECK) if row[0] != _SOUND]
        keys: frozenset[str] = frozenset()
        if not problems:
            problems = [
                f"{count} rows of {table} belong to nothing" for table, count in connection.execute(_CHECK_KEYS)
            ]
            keys = frozenset(row[0] for row in connection.execute(_KEYS))
        return Health(
            problems=tuple(problems),
            size=path.stat().st_size,
            log_size=log.stat().st_size if log.exists() else 0,
            pin_keys=keys,
        )
