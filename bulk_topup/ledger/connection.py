"""Opens the ledger's file: creates it, refuses other files, upgrades its tables; also its transactions and errors."""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulk_topup.errors import (
    LedgerError,
    LedgerLockedError,
    LedgerMissingError,
    LedgerOutdatedError,
    LedgerWriteError,
)
from bulk_topup.ledger.file_place import FilePlace, check_one_name, check_owner
from bulk_topup.ledger.new_ledger import create_tables
from bulk_topup.ledger.schema_versions import NAMES, applied
from bulk_topup.system.files import OWNER_ONLY, create_private, private_folder

#: Marks the file as a ledger, so that no database of another program is written to ("btup").
APPLICATION_ID: Final = 0x62747570
#: Seconds to wait for another process that writes to the same ledger.
BUSY_TIMEOUT: Final = 30.0
#: Seconds between tries to set up a ledger that other processes set up.
SET_UP_WAIT: Final = 0.05
#: Most times that a ledger is opened which another process removes at that moment.
MAX_OPENINGS: Final = 10
#: Memory for pages of the file, in KiB; sorting takes as much again. More makes a large ledger no faster.
CACHE_KIB: Final = 8 * 1024
#: Size of the write-ahead log, in bytes, after a large list or a long read of another process made it grow.
JOURNAL_BYTES: Final = 64 * 1024 * 1024
#: The bits of SQLite's extended error codes that are the primary code.
_PRIMARY_CODE: Final = 0xFF
#: Primary codes of a file that can't be written: full, read-only, locked, or on a disk with I/O errors.
_WRITE_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
    }
)
#: Those of a file that another process writes.
_LOCKED_CODES: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LOCKED_FIX: Final = "Wait until the other process that writes it ends, then run again."
#: No other ledger: it would not know who was paid.
_WRITE_FIX: Final = "Check the disk and the permissions of the file and its folder, then run again."
#: Errors of a file or folder that can't be written.
_WRITE_ERRORS: Final = frozenset(
    {errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPERM, errno.EROFS}
)

#: The first bytes of a SQLite file, and the place of its application ID.
_MAGIC: Final = b"SQLite format 3\0"
_APPLICATION_ID_AT: Final = slice(68, 72)
_HEADER_LENGTH: Final = 100

#: Device and inode of files that this process has opened without SQLite. It must not do so again: closing a file
#: releases all locks that the process holds on it, those of an open ledger too, and another process would then treat
#: the write-ahead log as unused.
_CHECKED: Final[set[tuple[int, int]]] = set()


def open_database(path: Path) -> sqlite3.Connection:
    """Open a ledger's file with tables of this version; create it, for its owner only, if it does not exist.

    Raises:
        LedgerMissingError: the path is a link to a file that does not exist.
        LedgerError: the file belongs to another program, or to a newer version of this one, or has another name.
        LedgerWriteError: other processes create and remove the file all the time.
        sqlite3.Error, OSError: the file can't be used.
    """
    file = Path(os.path.realpath(path))  # of a link to itself, the link
    check_owner(file, *(each for ending in ("-wal", "-shm") if (each := file.with_name(file.name + ending)).exists()))
    for _ in range(MAX_OPENINGS):
        if (connection := _open_once(path)) is not None:
            return connection
    raise LedgerWriteError(f"Can't open the ledger {path}: it is removed again and again. {_WRITE_FIX}")


def _open_once(path: Path) -> sqlite3.Connection | None:
    """Open a ledger's file; None if it was removed meanwhile, as another process does with a new one it did not use."""
    if _is_checked(path):
        check_one_name(path)
        path.chmod(OWNER_ONLY)
    else:
        if path.exists():
            _check_is_ledger(path)
            check_one_name(path)
        elif path.is_symlink():
            raise LedgerMissingError(
                f"The ledger {path} is a link to {path.readlink()}, which does not exist. The missing ledger may hold "
                "payments. Restore it, or choose another ledger with --ledger."
            )
        else:
            private_folder(path.parent)
        create_private(path)
        _CHECKED.add(_identity(path))
    place = FilePlace.of(path)
    # One thread at a time uses the connection, but not always the one that opened it. The path is absolute because
    # SQLite does not treat names such as ":memory:" as files.
    connection = sqlite3.connect(path.absolute(), timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        # Reading waits for a process that removes the file. Nothing may be written to a file without a name: its log
        # would have the name of another ledger's.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if place.change():
            connection.close()
            return None
        _set_up_with_retries(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    found = applied(connection)
    if found - set(NAMES):
        raise LedgerError(f"The ledger {path} was written by a newer version of bulk-topup. Install that version.")
    if found != set(NAMES):
        raise LedgerOutdatedError(
            f"The ledger {path} was written by an earlier version of bulk-topup. `bulk-topup status` upgrades it."
        )


def _is_checked(path: Path) -> bool:
    return path.exists() and _identity(path) in _CHECKED


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a ledger's file without changing it, also where nothing can be written.

    Raises:
        LedgerMissingError: there is no file.
        LedgerOutdatedError: the file is a ledger of an earlier version.
        LedgerError: the file is no ledger, or one of a newer version, or has another name.
        sqlite3.Error, OSError: the file can't be read.
    """
    if not _is_checked(path):
        _check_is_ledger(path)
        _CHECKED.add(_identity(path))
    check_one_name(path)
    address = f"{path.resolve().as_uri()}?mode=ro"
    log = path.with_name(f"{path.name}-wal")
    if not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size):
        # SQLite shares its memory through a file that it can't create here; without a log it does not need to.
        address += "&immutable=1"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, *, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Run the block as one transaction that is on disk when it ends, or changes nothing.

    Args:
        connection: an open ledger, outside of a transaction.
        begin: the statement that begins it.
    """
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def scrub(connection: sqlite3.Connection) -> bool:
    """Rewrite the file, so that neither it nor its log holds anything that was changed or deleted.

    Returns:
        Whether that succeeded; it does not while another process is reading.
    """
    connection.execute("VACUUM")
    return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


@contextmanager
def translate_errors(path: Path, *, read_only: bool = False) -> Iterator[None]:
    """Raise errors of SQLite and of the file system with the file and a fix.

    Args:
        path: the ledger's file.
        read_only: the block does not write, so no error is one of writing.

    Raises:
        LedgerWriteError: the file or its folder is full, read-only, locked, or on a disk with I/O errors.
        LedgerLockedError: another process has locked it, and the block only reads.
        LedgerError: the file can't be used for another reason.
    """
    try:
        yield
    except sqlite3.Error as error:
        # Errors of the module itself, such as a wrong parameter, have no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
        if code in _WRITE_CODES and not read_only:
            fix = _LOCKED_FIX if code in _LOCKED_CODES else _WRITE_FIX
            raise LedgerWriteError(f"Can't write the ledger {path}: {error}. Nothing more was sent. {fix}") from error
        if code in _LOCKED_CODES:
            raise LedgerLockedError(
                f"Can't read the ledger {path}: {error}. Nothing was sent. {_LOCKED_FIX}"
            ) from error
        raise LedgerError(f"Can't use the ledger {path}: {error}. Nothing more was sent. Check the file.") from error
    except OSError as error:
        reason = error.strerror or error
        if error.errno in _WRITE_ERRORS and not read_only:
            raise LedgerWriteError(f"Can't write the ledger {path}: {reason}. {_WRITE_FIX}") from error
        raise LedgerError(f"Can't open the ledger {path}: {reason}. Choose another ledger with --ledger.") from error


def _check_is_ledger(path: Path) -> None:
    """Raise LedgerError unless the file is a ledger or empty; reads it without SQLite, which might change it."""
    if not path.exists():
        raise LedgerMissingError(f"No ledger at {path}. Check --ledger and --env.")
    if not path.is_file():
        # A pipe or a device may never end, so it is not even opened.
        raise LedgerError(f"{path} is not a file, so it is no ledger. Choose another ledger with --ledger.")
    with path.open("rb") as file:
        head = file.read(_HEADER_LENGTH)
    if head and not (head.startswith(_MAGIC) and head[_APPLICATION_ID_AT] == APPLICATION_ID.to_bytes(4, "big")):
        raise _other_program_error(path)


def _other_program_error(path: Path) -> LedgerError:
    return LedgerError(f"{path} belongs to another program and is not a ledger. Choose another ledger with --ledger.")


def _set_up_with_retries(connection: sqlite3.Connection, path: Path) -> None:
    """Set up a ledger, and try again while other processes set up the same new one.

    SQLite itself does not wait while the journal mode changes.
    Real time because it waits for other processes.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            _set_up(connection, path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(SET_UP_WAIT)
        else:
            return


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.row_factory = sqlite3.Row
    if applied(connection) - set(NAMES):
        raise LedgerError(f"The ledger {path} was written by a newer version of bulk-topup. Install that version.")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise _other_program_error(path)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")
    # Overwritten data is erased from the file; `scrub` erases it from the log.
    connection.execute("PRAGMA main.secure_delete = ON")
    # The rows of a long list are written in one transaction, whose pages are written twice if they do not fit.
    connection.execute("PRAGMA main.cache_size = -65536")
    # Temporary tables are in a file without a name that is deleted with the connection.
    connection.execute("PRAGMA temp.secure_delete = OFF")
    connection.execute("PRAGMA temp.page_size = 32768")
    if applied(connection) != set(NAMES):
        # One transaction, so that of two processes that open a new ledger at once the second finds it complete.
        with transaction(connection):
            if not applied(connection):
                create_tables(connection)
            else:
                _upgrade(connection)


def _upgrade(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database  # heavy, and only needed for a ledger of an earlier version

    from bulk_topup.ledger.schema import migrations

    migrations.apply(Database(connection))
