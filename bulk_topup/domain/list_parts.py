"""Define the parts of a list that is paid in one run, and which lines are whose; pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Final

#: A row's line in a run begins with the number of its part, from the second part on: line 5 of part 2 is 20000005.
LINES_OF_PART: Final = 10_000_000
#: The last line of a list that is a part of a run.
LAST_LINE: Final = LINES_OF_PART - 1
#: Most parts of a run: as many as a line of eight or more digits can name.
MAX_PARTS: Final = 999


@dataclass(frozen=True, kw_only=True, slots=True)
class ListPart:
    """A list that is a part of a run; their numbers are their places in the run, from 1."""

    #: Its path, as last given; empty for rows that their list no longer has, and that stay in the run.
    list_path: str
    #: How it is read, as JSON of parts of `Job`; None if unknown.
    reading: str | None = None
    #: When it was added, in UTC, and the user name of the person who did; None for the first part.
    at: datetime | None = None
    by: str = ""

    def is_same_list(self, other: "ListPart") -> bool:
        """Return True if both are one file, or one sheet of it."""
        return self.list_path == other.list_path and self.sheet == other.sheet

    @property
    def has_left(self) -> bool:
        """Whether these are rows that their list no longer has; the list of others may have been written over."""
        return not self.list_path and self.reading is None

    @property
    def sheet(self) -> str | None:
        """The sheet of a workbook; None for the only one, or a file of another format."""
        sheet: str | None = json.loads(self.reading or "{}").get("sheet")
        return sheet

    @property
    def file_name(self) -> str:
        """The name of its file for people."""
        return PurePath(self.list_path).name if self.list_path else "rows that left their list"


def part_of(line: int) -> int:
    """Return the number of the part that a line of a run belongs to."""
    return max(1, line // LINES_OF_PART)


def lines_before(part: int) -> int:
    """Return what is added to the lines of a part's list, so that they are lines of the run."""
    return 0 if part == 1 else part * LINES_OF_PART
