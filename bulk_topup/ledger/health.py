"""Checks that the ledger's file is sound, without changing it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.domain.verdict import format_rows
from bulk_topup.ledger.connection import open_for_reading, translate_errors

SQLITE_VERSION: Final = sqlite3.sqlite_version

#: Problems of a damaged file that are reported.
_MAX_PROBLEMS: Final = 5
_SOUND: Final = "ok"

_CHECK: Final = f"PRAGMA integrity_check({_MAX_PROBLEMS})"
_CHECK_KEYS: Final = 'SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY "table"'
_KEYS: Final = "SELECT id FROM pin_keys WHERE id <> ''"


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """The result of a check of the file."""

    #: Damage in SQLite's words; empty for a sound file.
    problems: tuple[str, ...]
    #: Bytes of the file and of its write-ahead log.
    size: int
    log_size: int
    #: IDs of the keys that its PINs are encrypted with.
    pin_keys: frozenset[str]


def examine(path: Path) -> Health:
    """Check every page, index and reference of a ledger; takes some seconds for a million rows.

    Raises:
        LedgerError: the file is no ledger, one of another version, or can't be read.
    """
    log = path.with_name(f"{path.name}-wal")
    with translate_errors(path, read_only=True), closing(open_for_reading(path)) as connection:
        problems = [row[0] for row in connection.execute(_CHECK) if row[0] != _SOUND]
        keys: frozenset[str] = frozenset()
        if not problems:
            problems = [
                f'{format_rows(count)} in table "{table}" with missing references'
                for table, count in connection.execute(_CHECK_KEYS)
            ]
            keys = frozenset(row[0] for row in connection.execute(_KEYS))
        return Health(
            problems=tuple(problems),
            size=path.stat().st_size,
            log_size=log.stat().st_size if log.exists() else 0,
            pin_keys=keys,
        )
