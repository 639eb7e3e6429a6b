"""Patterns in the path of a list: * for any characters of a name, ? for one, [*] and [?] literally; looks for files."""

import glob
import re
from pathlib import Path
from typing import Final

from bulk_topup.domain.list_address import is_fetched, shown_address

#: An escaped character, or a wildcard as the group.
_WILDCARD: Final = re.compile(r"\[[*?]\]|([*?])")


def is_pattern(path: str) -> bool:
    """Return True if a path has a wildcard, so that several files can match; an address has none."""
    return not is_fetched(path) and any(match[1] for match in _WILDCARD.finditer(path))


def escape_pattern(path: str) -> str:
    """Return a path with its * and ? escaped, so that it matches only itself."""
    return re.sub(r"[*?]", r"[\g<0>]", path)


def unescape_pattern(path: str) -> str:
    """Return the path that a text without wildcards names."""
    return re.sub(r"\[([*?])\]", r"\1", path)


def list_path(list_: str, folder: Path) -> str:
    """Return where a job's list is, as it may be shown: its address, its path, or the pattern of its path.

    Args:
        list_: the list of the job, its dates filled in.
        folder: where relative paths start.
    """
    if is_fetched(list_):
        return shown_address(list_)
    pattern = str(Path(escape_pattern(str(folder))) / list_)
    return pattern if is_pattern(list_) else unescape_pattern(pattern)


def find_matches(pattern: str) -> list[str]:
    """Return the files that match, in alphabetical order."""
    # Other brackets are literal, because file names often have them.
    escaped = re.sub(r"\[(?![*?]\])", "[[]", pattern)
    return sorted(path for path in glob.glob(escaped) if Path(path).is_file())  # noqa: PTH207 - absolute patterns too
