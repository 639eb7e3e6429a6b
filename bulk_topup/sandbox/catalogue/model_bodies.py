"""Writes models as bodies, without the fields that DVS leaves out where they are not set; pure."""

from typing import Any

from pydantic import BaseModel

from bulk_topup.dvs import codec

#: Fields that a body omits if they are null, since most products and ranges do not have them.
_OMITTED_IF_NULL = frozenset({"content_language", "increment", "pin"})
#: Fields of a transaction that are null where nothing is set; all others are left out then.
_NULL_IF_UNSET = frozenset({"tags", "regions", "promotions", "retail", "additional_information"})


def encode(model: BaseModel, without: dict[str, Any] | None = None) -> bytes:
    """Write a model as a body: with null fields, except those that only some models have, and those to leave out."""
    return codec.encode(_without_rare_nulls(model.model_dump(exclude=without)))


def set_fields(value: Any) -> Any:  # noqa: ANN401 - a part of a JSON value
    """Return a part of a transaction without what is not set, as DVS writes it: only few fields are null instead."""
    if isinstance(value, dict):
        return {name: set_fields(part) for name, part in value.items() if part is not None or name in _NULL_IF_UNSET}
    return [*map(set_fields, value)] if isinstance(value, list) else value


def _without_rare_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: _without_rare_nulls(part)
            for name, part in value.items()
            if part is not None or name not in _OMITTED_IF_NULL
        }
    return [_without_rare_nulls(part) for part in value] if isinstance(value, list) else value
