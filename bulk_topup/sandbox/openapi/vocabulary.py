"""Functions that build schemas (JSON Schema 2020-12); pure."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1


def text(description: str = "", **limits: object) -> Schema:
    """Describe a text."""
    return _described({"type": "string", **limits}, description)


def number(description: str = "", **limits: object) -> Schema:
    """Describe a decimal number."""
    return _described({"type": "number", **limits}, description)


def whole(description: str = "", *, low: int = 1, bits: int = 32) -> Schema:
    """Describe an integer from `low` to the largest of `bits` bits."""
    high = MAX_INT32 if bits == 32 else MAX_INT64
    return _described({"type": "integer", "format": f"int{bits}", "minimum": low, "maximum": high}, description)


def one_of(*values: str, description: str = "") -> Schema:
    """Describe a text that is one of a few."""
    return _described({"type": "string", "enum": list(values)}, description)


def moment(description: str = "") -> Schema:
    """Describe a point in time."""
    return text(description, format="date-time")


def day(description: str = "") -> Schema:
    """Describe a date."""
    return text(description, format="date")


def many(items: Schema, description: str = "", **limits: object) -> Schema:
    """Describe a list."""
    return _described({"type": "array", "items": items, **limits}, description)


def thing(
    description: str, required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, **limits: object
) -> Schema:
    """Describe an object, which may have more fields than those described."""
    schema: Schema = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        **limits,
    }
    if not required:
        del schema["required"]
    return _described(schema, description)


def ref(name: str) -> Schema:
    """Refer to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema, description: str = "") -> Schema:
    """Allow null beside what a schema describes."""
    if isinstance(schema.get("type"), str) and schema.keys().isdisjoint({"enum", "format"}):
        return _described({**schema, "type": [schema["type"], "null"]}, description)
    return _described({"anyOf": [schema, {"type": "null"}]}, description)


def nulls(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    """Allow null in each of several fields."""
    return {name: or_null(schema) for name, schema in fields.items()}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema
