"""The copy of a list that was fetched, kept beside the ledger until its run has ended; touches no file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.domain.run import Run

#: Ends the name of the folder beside the ledger that has the copies.
_FOLDER_SUFFIX: Final = ".lists"
#: The ledger's setting of a run that names the copy.
COPY: Final = "copy"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListCopy:
    """A local copy of a list that was fetched."""

    path: Path
    #: SHA-256 of its bytes, in hexadecimal.
    sha256: str
    #: Its path below the folder of copies; None while it is not kept.
    kept_as: str | None = None


def copies_folder(ledger: Path) -> Path:
    """Return the folder of a ledger's copies."""
    return ledger.with_name(ledger.name + _FOLDER_SUFFIX)


def copy_in(reading: str | None, ledger: Path) -> ListCopy | None:
    """Return the copy that the settings of a run or of one of its lists name; None for a list that is a file.

    Args:
        reading: how the list is read, as JSON.
        ledger: the ledger's file.
    """
    found = json.loads(reading or "{}").get(COPY)
    if found is None:
        return None
    return ListCopy(path=copies_folder(ledger) / found["file"], sha256=found["sha256"], kept_as=found["file"])


def copies_of(run: Run, ledger: Path) -> Iterator[ListCopy]:
    """Yield the copies of a run's lists, whether or not their files are still there."""
    for reading in (run.reading, *(part.reading for part in run.parts)):
        if (copy := copy_in(reading, ledger)) is not None:
            yield copy
