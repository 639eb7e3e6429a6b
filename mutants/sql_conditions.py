"""Changes the conditions of SQL statements, which are texts to Python."""

import re
from collections.abc import Iterator
from typing import Any, Final

from cosmic_ray.operators.operator import Example, Operator

#: What is replaced by what. The first that fits at a place is taken, so longer ones come first.
_REPLACEMENTS: Final = (
    (r"\bNOT EXISTS\b", "EXISTS"),
    (r"\bEXISTS\b", "NOT EXISTS"),
    (r"\bIS NOT\b", "IS"),
    (r"\bIS\b", "IS NOT"),
    (r"\bNOT IN\b", "IN"),
    (r"\bNOT BETWEEN\b", "BETWEEN"),
    (r"\bIN(?= ?\()", "NOT IN"),
    (r"(?<!OR )\bNOT (?=[a-z(:{])", ""),
    (r"\bAND\b", "OR"),
    (r"(?<!INSERT )(?<!UPDATE )\bOR\b", "AND"),
    (r" <> ", " = "),
    (r" <= ", " < "),
    (r" >= ", " > "),
    (r" < ", " <= "),
    (r" > ", " >= "),
    (r" = ", " <> "),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bUNION ALL\b", "EXCEPT"),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r" DESC\b", " ASC"),
    (r" \+ ", " - "),
    (r" - ", " + "),
)
_FOUND: Final = re.compile("|".join(f"({pattern})" for pattern, _ in _REPLACEMENTS))
#: Texts with one of these are SQL, or a piece of it.
_IS_SQL: Final = re.compile(
    r"\b(?:SELECT|FROM|WHERE|UPDATE|INSERT|DELETE|EXISTS|AND|OR|NOT|IS|IN|CASE|coalesce|iif|count|sum|max|min)\b"
)
#: What creates tables is tested with the migrations.
_IS_DEFINITION: Final = re.compile(r"\bCREATE (?:TEMP |UNIQUE )?(?:TABLE|INDEX|TRIGGER|VIEW)\b|\bALTER TABLE\b")
_TEXTS: Final = frozenset({"string", "fstring_string"})


class SqlConditions(Operator):
    """Replaces a word or a sign of a condition by one with another meaning."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Yield a position for each word or sign of a text that can be replaced."""
        for _ in _found_in(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return the text with one of them replaced."""
        match = list(_found_in(node))[index]
        replacement = _REPLACEMENTS[(match.lastindex or 1) - 1][1]
        node.value = node.value[: match.start()] + replacement + node.value[match.end() :]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return code before and after."""
        before = "A = 'SELECT 1 WHERE a = 1 AND NOT EXISTS (SELECT 2)'"
        return (
            Example(before, "A = 'SELECT 1 WHERE a <> 1 AND NOT EXISTS (SELECT 2)'"),
            Example(before, "A = 'SELECT 1 WHERE a = 1 OR NOT EXISTS (SELECT 2)'", occurrence=1),
            Example(before, "A = 'SELECT 1 WHERE a = 1 AND EXISTS (SELECT 2)'", occurrence=2),
        )


def _found_in(node: Any) -> Iterator[re.Match[str]]:
    if node.type not in _TEXTS or _is_docstring(node) or _IS_DEFINITION.search(node.value):
        return
    if _IS_SQL.search(node.value):
        yield from (match for match in _FOUND.finditer(node.value) if not _is_assignment(match))


def _is_assignment(match: re.Match[str]) -> bool:
    """Return True for the sign after a column that is set; another one there is no SQL."""
    before = match.string[: match.start()]
    return match[0] == " = " and before.rfind("SET ") > before.rfind("WHERE ")


def _is_docstring(node: Any) -> bool:
    parent = node.parent
    return node.type == "string" and parent is not None and parent.type == "simple_stmt"
