"""Opens the ledger's file: makes it, refuses what is not ours, upgrades its tables; and its transactions and errors."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulk_topup.errors import LedgerError
from bulk_topup.ledger.schema_versions import NAMES, applied
from bulk_topup.system.files import OWNER_ONLY, create_private, private_folder

#: Marks the file as ours, so that no other program's database is ever written to ("btup").
APPLICATION_ID = 0x62747570
#: Seconds to wait for another process that is writing to the same ledger.
BUSY_TIMEOUT = 30.0
#: Seconds between tries to set up a ledger that others set up.
SET_UP_WAIT = 0.05
#: Memory for pages of the file, in KiB; sorting takes as much again. More makes a big ledger no faster.
CACHE_KIB = 8 * 1024
#: What the write-ahead log is cut to, in bytes, after a big list or a long look of another process made it grow.
JOURNAL_BYTES = 64 * 1024 * 1024
#: Of SQLite's error codes these bits name the kind.
_PRIMARY_CODE = 0xFF

#: How a SQLite file begins, and where its application id stands.
_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID_AT = slice(68, 72)
_HEADER_LENGTH = 100

#: The files that this process has opened itself, by device and inode. It must not do so again: to close a file takes
#: away all locks that the process holds on it, those of a ledger that is open among them, and another process would
#: then take the write-ahead log for nobody's.
_LOOKED_AT: set[tuple[int, int]] = set()


def open_database(path: Path) -> sqlite3.Connection:
    """Open a ledger's file, made for its owner only when it is missing, with tables of this version.

    Raises:
        LedgerError: the file belongs to another program, or to a later version of this one.
        sqlite3.Error, OSError: the file cannot be used.
    """
    if _was_looked_at(path):
        path.chmod(OWNER_ONLY)
    else:
        if path.exists():
            _demand_ours(path)
        elif path.is_symlink():
            raise LedgerError(
                f"The ledger {path} is a link to {path.readlink()}, which is not there. A ledger that is missing may "
                "know who was paid: bring it back, or name another file."
            )
        else:
            private_folder(path.parent)
        create_private(path)
        _LOOKED_AT.add(_identity(path))
    # One thread at a time uses the connection, but not always the one that opened it. The path is made absolute because
    # SQLite takes names such as ":memory:" for something else than a file.
    connection = sqlite3.connect(path.absolute(), timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        _set_up_in_turn(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _demand_this_version(connection: sqlite3.Connection, path: Path) -> None:
    if applied(connection) != set(NAMES):
        raise LedgerError(
            f"The ledger {path} was written by another version of bulk-topup; "
            "install the latest version, and resume a run of the ledger to bring it up to date."
        )


def _was_looked_at(path: Path) -> bool:
    return path.exists() and _identity(path) in _LOOKED_AT


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a ledger's file without changing anything, also where nothing can be written.

    Raises:
        LedgerError: the file is no ledger, or one of another version.
        sqlite3.Error, OSError: the file cannot be read.
    """
    if not _was_looked_at(path):
        _demand_ours(path)
        _LOOKED_AT.add(_identity(path))
    address = f"{path.resolve().as_uri()}?mode=ro"
    log = path.with_name(f"{path.name}-wal")
    if not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size):
        # SQLite shares its memory through a file that it could not make here; without a log nobody needs it.
        address += "&immutable=1"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        _demand_this_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one transaction that is on disk when it ends, or leaves nothing behind."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def scrub(connection: sqlite3.Connection) -> bool:
    """Write the file anew, so that nothing stays in it, nor in its log, of what was changed or removed.

    Returns:
        Whether that is done; not while another process is in the middle of reading.
    """
    connection.execute("VACUUM")
    return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into an error with the file and a cure."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(
            f"The ledger {path} cannot be used: {error}. Nothing more was sent; check the disk and the file's rights."
        ) from error
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be opened: {error.strerror or error}. Name another ledger with --ledger."
        ) from error


def _demand_ours(path: Path) -> None:
    """Look at a file's first bytes, without SQLite, which might change it; an empty one may become a ledger."""
    if not path.is_file():
        # A pipe or a device may never end, so that it is not even opened.
        raise LedgerError(f"{path} is not a file, so it is no ledger; name another file.")
    with path.open("rb") as file:
        head = file.read(_HEADER_LENGTH)
    if head and not (head.startswith(_MAGIC) and head[_APPLICATION_ID_AT] == APPLICATION_ID.to_bytes(4, "big")):
        raise _not_ours(path)


def _not_ours(path: Path) -> LedgerError:
    return LedgerError(f"{path} belongs to another program and is not a ledger; name another file.")


def _set_up_in_turn(connection: sqlite3.Connection, path: Path) -> None:
    """Set a ledger up; of many that make a new one at once each waits for the others.

    SQLite itself does not wait while the journal changes its mode.
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
        raise LedgerError(f"The ledger {path} was written by a newer bulk-topup; install that version.")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise _not_ours(path)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")
    # What is overwritten is gone; what rows leave behind in the log, `scrub` removes.
    connection.execute("PRAGMA main.secure_delete = ON")
    # A long list's rows are written in one transaction, whose pages are written twice where they do not fit.
    connection.execute("PRAGMA main.cache_size = -65536")
    # What is put aside lies in a file without a name that goes with the connection.
    connection.execute("PRAGMA temp.secure_delete = OFF")
    connection.execute("PRAGMA temp.page_size = 32768")
    if applied(connection) != set(NAMES):
        from sqlite_utils import Database  # heavy, and only a ledger that changes needs it

        from bulk_topup.ledger.schema import migrations

        # One transaction, so that of two that open a new ledger at once the second finds it made.
        with transaction(connection):
            migrations.apply(Database(connection))
