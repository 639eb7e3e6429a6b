r"""The books of the sandbox: an append-only file of events, which its whole state follows from.

One JSON object per line, UTF-8, each with `event` and `at` (RFC 3339, UTC); amounts are JSON numbers, exact decimals:

    {"event":"opened","at":…,"balances":{"USD":10000},"pin_seed":"9f…"}     always the first line
    {"event":"created","at":…,"id":2237512891,"expires_at":…,"final_at":…,"price":3.71,"fee":0,"unit":"USD","request":{…}}
    {"event":"confirmed","at":…,"id":2237512891,"final_at":…}
    {"event":"cancelled","at":…,"id":2237512891}
    {"event":"reversed","at":…,"id":2237512891}
    {"event":"notified","at":…,"id":2237512891,"status":"COMPLETED"}
    {"event":"changed","at":…,"changes":[{"price_factor":1.1,"after":100}]}

`request` is the body of the request without null fields. `final_at` is when the final status is due; `created` has it
if the transaction was confirmed at once. `notified` means that the callback of that status was received or abandoned.
`opened` names the catalogue if it is not the small one. Final statuses, wallets and PINs follow from these events and
the time, so they have no lines. The file contains personal data: only its owner can read it.

An event is one write that completes before the response leaves, so a killed process loses nothing that was answered. An
unfinished write is dropped when the file is opened. This module touches that file and nothing else.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec

from bulk_topup.dvs import codec
from bulk_topup.errors import ConfigurationError, SandboxLockedError
from bulk_topup.sandbox.catalogue.changes import Change
from bulk_topup.sandbox.provider.requests import CreateRequest
from bulk_topup.system.files import create_private

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _BookEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag=str.lower):
    """Base of all events."""

    at: Moment


class Opened(_BookEvent, frozen=True, kw_only=True):
    """New books were opened with these balances; PINs are derived from the seed."""

    balances: dict[str, Decimal]
    pin_seed: str
    #: The catalogue that transactions are of; empty for the small one.
    catalogue: str = ""

    def check_catalogue(self, name: str) -> None:
        """Raise ConfigurationError if the books are of another catalogue."""
        if self.catalogue != name:
            raise ConfigurationError(
                f'The books are of the catalogue "{self.catalogue or "small"}", not of "{name or "small"}". '
                "Set it with --catalogue and --seed, or choose a new file with --books."
            )


class Created(_BookEvent, frozen=True, kw_only=True):
    """A transaction was created, and confirmed at once if `final_at` is set."""

    id: int
    expires_at: Moment
    final_at: Moment | None = None
    #: What the wallet was charged, in `unit`.
    price: Decimal
    fee: Decimal
    unit: str
    request: CreateRequest


class Confirmed(_BookEvent, frozen=True, kw_only=True):
    """A transaction was confirmed."""

    id: int
    final_at: Moment


class Cancelled(_BookEvent, frozen=True, kw_only=True):
    """A transaction was cancelled."""

    id: int


class Reversed(_BookEvent, frozen=True, kw_only=True):
    """A completed transaction was reversed."""

    id: int


class Changed(_BookEvent, frozen=True, kw_only=True):
    """Products were changed, instead of by the changes before."""

    changes: Sequence[Change]


class Notified(_BookEvent, frozen=True, kw_only=True):
    """The callback of a status was received or abandoned."""

    id: int
    status: str


BookEvent = Opened | Created | Confirmed | Cancelled | Reversed | Notified | Changed

_decoder = msgspec.json.Decoder(BookEvent)


class Books:
    """The file, locked by one process at a time; without a path, nothing is written.

    Args:
        path: the file; created if missing.

    Raises:
        ConfigurationError: another process has locked the file, or it cannot be opened.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._descriptor: int | None = None
        if path is not None:
            self._descriptor = _open(path)

    def read(self) -> Iterator[BookEvent]:
        """Yield every event in order, and drop an unfinished last line.

        Raises:
            ConfigurationError: a line is not an event.
        """
        if self._path is None or self._descriptor is None:
            return
        with self._path.open("rb") as file:
            whole = 0
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    os.ftruncate(self._descriptor, whole)
                    return
                whole += len(line)
                try:
                    yield _decoder.decode(line)
                except msgspec.DecodeError as error:
                    raise ConfigurationError(
                        f"{self._path} line {number} is not an event of a sandbox: {error}. "
                        "Restore the file, or choose another with --books."
                    ) from None

    def write(self, event: BookEvent) -> None:
        """Append one event.

        Raises:
            OSError: it could not be written completely; the file is unchanged.
        """
        if self._descriptor is None:
            return
        line = codec.encode(event) + b"\n"
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            written = os.write(self._descriptor, line)
        except OSError:
            os.ftruncate(self._descriptor, end)
            raise
        if written < len(line):
            os.ftruncate(self._descriptor, end)
            raise OSError("the disk is full")

    def close(self) -> None:
        """Close and unlock the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def remove_unused(path: Path) -> None:
    """Remove closed books that have only their opening; those that another sandbox has open stay."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(path, descriptor):  # another sandbox has removed these, and perhaps begun others
            return
        with open(descriptor, "rb", closefd=False) as file:
            is_used = next(islice(file, 1, None), None) is not None
        if not is_used:
            path.unlink()
    except OSError:  # locked, or on a disk that can't be written any more
        return
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        create_private(path)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    except OSError as error:
        raise ConfigurationError(f"Can't open the books {path}: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise SandboxLockedError(
            f"Another sandbox uses the books {path}. Stop it, or choose another file with --books."
        ) from None
    if not _is_at(path, descriptor):  # removed as unused before it was locked
        os.close(descriptor)
        return _open(path)
    return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
