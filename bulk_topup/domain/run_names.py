"""Fold job names and run keys, so that names which nobody can tell apart are the same run; pure."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from bulk_topup.domain.characters import BLANKS, DASH_CATEGORY, INVISIBLE, OTHER_DASHES

#: Job files with other invisible characters are refused.
_UNSEEN: Final = re.compile(f"[{''.join(sorted(INVISIBLE))}]")
_BLANK_RUN: Final = re.compile(rf"[\s{''.join(sorted(BLANKS))}]+")


@lru_cache(maxsize=256)
def fold_name(text: str) -> str:
    """Return the form in which job names and run keys are compared.

    NFKC, trimmed, each run of blanks one space, each dash `-`, and without case. Everything that can be seen stays, so
    `1-23` and `123` are two names.
    """
    while (folded := _fold_once(text)) != text:
        text = folded
    return text


def fold_run_name(job: str, run_key: str) -> tuple[str, str]:
    """Return a run's job name and run key in the form in which they are compared."""
    return fold_name(job), fold_name(run_key)


def is_usable_name(text: str) -> bool:
    """Return True unless a name or run key is empty or has invisible characters: two such keys would look the same."""
    return bool(fold_name(text)) and text.isprintable()


def _fold_once(text: str) -> str:
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    dashed = "".join("-" if _is_dash(character) else character for character in seen)
    return unicodedata.normalize("NFKC", _BLANK_RUN.sub(" ", dashed).strip(" ").casefold())


def _is_dash(character: str) -> bool:
    return unicodedata.category(character) == DASH_CATEGORY or character in OTHER_DASHES
