"""Define entries of a list that can't be read: skipped, counted and named, so that they never hide the others; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bulk_topup.security.redaction import redact_secrets
from bulk_topup.security.terminal_text import printable

#: Most entries of one client that are kept one by one; more are only counted.
MAX_KEPT: Final = 1_000
#: Most characters of a text that an entry keeps, and of one that a sentence quotes.
_MAX_TEXT: Final = 200
_MAX_QUOTED: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableEntry:
    """One entry that can't be read, with the IDs that it states."""

    #: The path of its list, e.g. `/transactions`.
    path: str
    #: DVS's ID; None if not stated as a number.
    id: int | None
    #: Its external ID; None if it states none that is a text.
    external_id: str | None
    #: Which of its fields can't be read, and why, without their values.
    problem: str

    def may_have(self, external_id: str) -> bool:
        """Return True unless the entry states another external ID: then it may be that transaction."""
        return self.external_id is None or self.external_id == external_id

    def sentence(self) -> str:
        """Return it for people: its list, its IDs and its problem, without a full stop."""
        ids = [] if self.id is None else [f"ID {self.id}"]
        if self.external_id is not None:
            ids.append(f"external ID {printable(self.external_id[:_MAX_QUOTED])}")
        named = ", ".join(ids) or "no ID"
        return f"An entry of {self.path} can't be read ({named}): {self.problem}"

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {"path": self.path, "id": self.id, "external_id": self.external_id, "problem": self.problem}


@dataclass(kw_only=True, slots=True)
class UnreadableEntries:
    """The entries that one client could not read, each once however often its list was read."""

    #: How many different ones; those beyond `MAX_KEPT` count each time.
    count: int = 0
    #: The first of them.
    kept: list[UnreadableEntry] = field(default_factory=list)
    _seen: set[tuple[str, object]] = field(default_factory=set)

    def add(self, entry: UnreadableEntry) -> bool:
        """Count an entry; return True if it is new. By itself and in its list it is one entry."""
        key = (entry.path, entry if entry.id is None else entry.id)
        if key in self._seen:
            return False
        self.count += 1
        if len(self.kept) < MAX_KEPT:
            self.kept.append(entry)
            self._seen.add(key)
        return True

    def discard(self, entry: UnreadableEntry) -> None:
        """Stop counting an entry that could be read by itself."""
        if entry in self.kept:
            self.kept.remove(entry)
            self.count -= 1

    def as_json(self) -> list[dict[str, object]]:
        """Return those that are kept as plain JSON values."""
        return [entry.as_json() for entry in self.kept]


def unreadable_entry(path: str, value: object, problem: str) -> UnreadableEntry:
    """Return the entry for a value that can't be read.

    Args:
        path: the path of its list.
        value: the entry's JSON value.
        problem: why it can't be read, without values.
    """
    fields: Mapping[str, Any] = value if isinstance(value, dict) else {}
    id_, external_id = fields.get("id"), fields.get("external_id")
    return UnreadableEntry(
        path=path,
        id=id_ if isinstance(id_, int) and not isinstance(id_, bool) else None,
        # One that is cut off is of no request: the longest has 40 characters.
        external_id=external_id[:_MAX_TEXT] if isinstance(external_id, str) else None,
        problem=redact_secrets(printable(problem[:_MAX_TEXT])),
    )
