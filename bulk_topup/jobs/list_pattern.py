"""Patterns of a list's path: * for any characters of a name, ? for one, brackets for themselves; looks for files."""

import glob
import re
from pathlib import Path
from typing import Final

#: In brackets they stand for themselves.
_WILD: Final = re.compile(r"\[[*?]\]|([*?])")


def is_pattern(path: str) -> bool:
    """Tell whether several files could be meant."""
    return any(match[1] for match in _WILD.finditer(path))


def escape_pattern(path: str) -> str:
    """Write a path so that it is taken as it is, whatever characters it has."""
    return re.sub(r"[*?]", r"[\g<0>]", path)


def unescape_pattern(path: str) -> str:
    """Give the one path that is meant where no pattern is."""
    return re.sub(r"\[([*?])\]", r"\1", path)


def find_matches(pattern: str) -> list[str]:
    """Give the files that match, in the order of the alphabet."""
    # Only * and ? are patterns: brackets stand in many a file's name.
    escaped = re.sub(r"\[(?![*?]\])", "[[]", pattern)
    return sorted(path for path in glob.glob(escaped) if Path(path).is_file())  # noqa: PTH207 - absolute patterns too
