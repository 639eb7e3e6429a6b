"""Patterns in the path of a list: * for any characters of a name, ? for one, [*] and [?] literally; looks for files."""

import glob
import re
from pathlib import Path
from typing import Final

#: An escaped character, or a wildcard as the group.
_WILDCARD: Final = re.compile(r"\[[*?]\]|([*?])")


def is_pattern(path: str) -> bool:
    """Return True if a path has a wildcard, so that several files can match."""
    return any(match[1] for match in _WILDCARD.finditer(path))


def escape_pattern(path: str) -> str:
    """Return a path with its * and ? escaped, so that it matches only itself."""
    return re.sub(r"[*?]", r"[\g<0>]", path)


def unescape_pattern(path: str) -> str:
    """Return the path that a text without wildcards names."""
    return re.sub(r"\[([*?])\]", r"\1", path)


def find_matches(pattern: str) -> list[str]:
    """Return the files that match, in alphabetical order."""
    # Other brackets are literal, because file names often have them.
    escaped = re.sub(r"\[(?![*?]\])", "[[]", pattern)
    return sorted(path for path in glob.glob(escaped) if Path(path).is_file())  # noqa: PTH207 - absolute patterns too
