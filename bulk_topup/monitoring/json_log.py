"""A log for machines: one JSON object a line of what a run does, without people, money and secrets; appends to a file.

What is logged is named here, item by item. Texts of others stand in it only where they are known not to name anybody.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.states import RowState
from bulk_topup.errors import JobError
from bulk_topup.security.redaction import redact_personal_data
from bulk_topup.system.files import OWNER_ONLY

#: Names standard output instead of a file.
STANDARD_OUTPUT: Final = "-"

_STATUS: Final = re.compile(r"[A-Z][A-Z0-9_-]{0,79}")
#: What of a path names what is asked for, and not which or whom.
_NAMED: Final = re.compile(r"[a-z][a-z_-]*")

_LEVELS: Final = {RowState.CONFLICT: logging.ERROR, RowState.FAILED: logging.WARNING, RowState.REVERSED: logging.ERROR}


class _JSON(logging.Formatter):
    """Makes one JSON object of a record: a happening of ours, or what any library says."""

    def format(self, record: logging.LogRecord) -> str:
        items: Mapping[str, Any] | None = getattr(record, "items", None)
        if items is None:
            text = "\n".join(part for part in (record.getMessage(), record.exc_text) if part)
            items = {"event": "log", "logger": record.name, "message": redact_personal_data(text)}
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = {name: value for name, value in items.items() if value is not None}
        return msgspec.json.encode({"time": at, "level": record.levelname.lower(), **said}).decode()


class _Lossy:
    """Keeps why a line was lost, where its handler would print a traceback for each."""

    #: None while none was.
    why_lost: str | None = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Take in that a line was lost."""
        del record
        error = sys.exc_info()[1]
        self.why_lost = error.strerror if isinstance(error, OSError) else type(error).__name__


class FileLog(_Lossy, WatchedFileHandler):
    """Appends to a private file, and to a new one of its name when it is rotated."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; where the file's own folder is gone, that is one more reason why it is lost."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def _open(self) -> TextIOWrapper:
        flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
        return TextIOWrapper(os.fdopen(os.open(self.baseFilename, flags, OWNER_ONLY), "wb"), encoding="utf-8")


class StreamLog(_Lossy, logging.StreamHandler[TextIO]):
    """Writes to a stream that others may write to as well."""


class JSONLog:
    """Writes happenings of one start; a line that cannot be written is lost, and the run goes on.

    Args:
        handler: where lines go, from `open_log`.
        job: whose start it is.
    """

    def __init__(self, handler: FileLog | StreamLog, job: str) -> None:
        self._handler = handler
        self._job = job
        #: None while it is not known.
        self._run: str | None = None
        self._is_detailed = logging.getLogger().isEnabledFor(logging.INFO)
        logging.getLogger().addHandler(handler)

    def close(self) -> str | None:
        """Write nothing more, and give why lines were lost; None where none were."""
        logging.getLogger().removeHandler(self._handler)
        try:
            self._handler.close()
        except OSError as error:  # what no disk took before is tried once more
            return error.strerror
        return self._handler.why_lost

    def set_run(self, job: str, run_key: str) -> None:
        """Take in which run it is."""
        self._job, self._run = job, f"{job}/{run_key}"

    def write_notice(self, event: str, text: str) -> None:
        """Write a sentence of ours that people are told, without whom and what it quotes."""
        self.write(event, level=logging.WARNING, message=redact_personal_data(text))

    def write(self, event: str, *, level: int = logging.INFO, **items: object) -> None:
        """Write a happening with what belongs to it; items that are None are left out."""
        record = logging.LogRecord(__name__, level, "", 0, event, None, None)
        record.items = {"event": event, "job": self._job, "run": self._run, **items}
        self._handler.handle(record)

    def write_moves(self, moved: Sequence[tuple[Attempt, Move]]) -> None:
        """Write that rows changed their states, once that is on disk."""
        for attempt, move in moved:
            facts = move.facts
            self.write(
                "row moved",
                level=_LEVELS.get(move.after, logging.INFO),
                row_id=move.row_id,
                attempt=move.attempt,
                external_id=attempt.external_id,
                before=move.before.value,
                after=move.after.value,
                cause=move.cause,
                transaction_id=None if facts is None else facts.transaction_id,
                status_class=None if facts is None else _status(facts.status_class),
                status=None if facts is None else _status(facts.status_message),
            )

    def write_request(self, method: str, path: str, status: int | None, seconds: float) -> None:
        """Write that a request was answered, or that it was not where `status` is None; success only in detail."""
        is_well = status is not None and status < 400
        if is_well and not self._is_detailed:
            return
        self.write(
            "request answered" if status is not None else "request not answered",
            level=logging.INFO if is_well else logging.WARNING,
            method=method,
            path="/".join(part if not part or _NAMED.fullmatch(part) else "…" for part in path.split("/")),
            http_status=status,
            milliseconds=round(seconds * 1000),
        )


def open_log(place: Path | TextIO) -> FileLog | StreamLog:
    """Open a log: a file that is appended to and may be rotated, or a stream.

    Raises:
        JobError: the file cannot be written.
    """
    if not isinstance(place, Path):
        handler: FileLog | StreamLog = StreamLog(place)
    elif place.exists() and not place.is_file():
        raise JobError(f"The log {place} is not a file; name another.")
    else:
        try:
            handler = FileLog(place)
        except OSError as error:
            raise JobError(f"The log {place} cannot be written: {error.strerror}; name another file.") from None
    handler.setFormatter(_JSON())
    return handler


def _status(text: str) -> str | None:
    return text if _STATUS.fullmatch(text) else None
