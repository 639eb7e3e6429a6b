"""The JSON log: one line per event of a run, without personal data, amounts and secrets; passes lines to a log file.

Every item that is logged is named here. Texts of others are logged only if they cannot contain personal data.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.states import RowState
from bulk_topup.monitoring.log_writer import LogWriter
from bulk_topup.security.redaction import redact_personal_data

_STATUS: Final = re.compile(r"[A-Z][A-Z0-9_-]{0,79}")
#: Parts of a URL path that name a kind of resource, not an ID or a person.
_RESOURCE: Final = re.compile(r"[a-z][a-z_-]*")

_LEVELS: Final = {RowState.CONFLICT: logging.ERROR, RowState.FAILED: logging.WARNING, RowState.REVERSED: logging.ERROR}


class _JSONFormatter(logging.Formatter):
    """Formats a record as one JSON object: an event of ours, or a message of any library."""

    def format(self, record: logging.LogRecord) -> str:
        items: Mapping[str, Any] | None = getattr(record, "items", None)
        if items is None:
            text = "\n".join(part for part in (record.getMessage(), record.exc_text) if part)
            items = {"event": "log", "logger": record.name, "message": redact_personal_data(text)}
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        present = {name: value for name, value in items.items() if value is not None}
        return msgspec.json.encode({"time": at, "level": record.levelname.lower(), **present}).decode()


class _Handler(logging.Handler):
    """Passes formatted records to the log's writer, which never blocks."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer
        self.setFormatter(_JSONFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on a line."""
        self._writer.write(self.format(record))


class JSONLog:
    """Writes the events of one invocation; a line that cannot be written is lost, and the run continues.

    Args:
        writer: where to write, from `open_log`.
        job: name of the job.
    """

    def __init__(self, writer: LogWriter, job: str) -> None:
        self._writer = writer
        self._handler = _Handler(writer)
        self._job = job
        #: Run name; None until it is known.
        self._run: str | None = None
        self._is_detailed = logging.getLogger().isEnabledFor(logging.INFO)
        logging.getLogger().addHandler(self._handler)

    def close(self) -> str | None:
        """Stop logging, and wait for seconds until all lines are written; return why lines were lost, or None."""
        logging.getLogger().removeHandler(self._handler)
        return self._writer.close()

    def set_run(self, job: str, run_key: str) -> None:
        """Set the run that further lines belong to."""
        self._job, self._run = job, f"{job}/{run_key}"

    def write_notice(self, event: str, text: str) -> None:
        """Write a message for people, without personal data and quoted texts."""
        self.write(event, level=logging.WARNING, message=redact_personal_data(text))

    def write(self, event: str, *, level: int = logging.INFO, **items: object) -> None:
        """Write an event with its items; items that are None are left out."""
        record = logging.LogRecord(__name__, level, "", 0, event, None, None)
        record.items = {"event": event, "job": self._job, "run": self._run, **items}
        self._handler.handle(record)

    def write_moves(self, moved: Sequence[tuple[Attempt, Move]]) -> None:
        """Write the moves of rows, after the ledger has them on disk."""
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
        """Write a request to DVS; successful ones only at log level INFO.

        Args:
            method: HTTP method.
            path: URL path; parts that may be IDs or personal data are masked.
            status: HTTP status; None if there was no response.
            seconds: duration.
        """
        is_success = status is not None and status < 400
        if is_success and not self._is_detailed:
            return
        self.write(
            "request answered" if status is not None else "request not answered",
            level=logging.INFO if is_success else logging.WARNING,
            method=method,
            path="/".join(part if not part or _RESOURCE.fullmatch(part) else "…" for part in path.split("/")),
            http_status=status,
            milliseconds=round(seconds * 1000),
        )


def _status(text: str) -> str | None:
    return text if _STATUS.fullmatch(text) else None
