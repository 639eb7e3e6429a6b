"""The shape of a JSON body: names and types of its fields, without any value; pure."""

from typing import Any, Final

#: Most names of an object, and most depth, that a shape has.
MAX_NAMES: Final = 100
MAX_DEPTH: Final = 8
_LONGEST_NAME: Final = 60


def shape_of(value: Any, depth: int = 0) -> object:  # noqa: ANN401 - JSON can be anything
    """Return the shape of a JSON value: objects with their names, lists with the shape of their first entry."""
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        names = sorted(value)[:MAX_NAMES]
        return {name[:_LONGEST_NAME]: shape_of(value[name], depth + 1) for name in names}
    if isinstance(value, list):
        return [shape_of(value[0], depth + 1)] if value else []
    if value is None:
        return "null"
    return {bool: "boolean", str: "text", int: "whole number"}.get(type(value), "number")
