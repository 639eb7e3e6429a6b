"""The note beside the ledger of why a run pauses, for other processes; touches that file alone, and never fails."""

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from bulk_topup.ledger.lock_holder import run_file
from bulk_topup.security.redaction import redact_personal_data

#: File name suffix of a note.
_PAUSE: Final = "pause"
#: Most characters of a note that are read.
_MAX_CHARACTERS: Final = 2_000


def write_pause(ledger: Path, job: str, run_key: str, why: str, until: datetime) -> None:
    """Note why a run pauses; nothing is noted where no file can be written.

    Args:
        ledger: the ledger's path.
        job: the run's job name.
        run_key: its key.
        why: a sentence.
        until: the end of the pause, in UTC.
    """
    note = json.dumps({"why": redact_personal_data(why), "until": until.isoformat()})
    with suppress(OSError):
        file = run_file(ledger, job, run_key, _PAUSE)
        file.touch(mode=0o600)
        file.write_text(note, encoding="utf-8")


def read_pause(ledger: Path, job: str, run_key: str, now: datetime) -> str:
    """Return why a run pauses at that time, in UTC; an empty text where nothing says that it does."""
    try:
        with run_file(ledger, job, run_key, _PAUSE).open(encoding="utf-8") as file:
            note = json.loads(file.read(_MAX_CHARACTERS))
        return str(note["why"]) if datetime.fromisoformat(note["until"]) > now else ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # also one that is being written
        return ""


def remove_pause(ledger: Path, job: str, run_key: str) -> None:
    """Remove a run's note, if there is one."""
    with suppress(OSError):
        run_file(ledger, job, run_key, _PAUSE).unlink(missing_ok=True)
