"""The JSON Schema of job files, with which editors complete and check them; reads the source of the models."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel, TypeAdapter

from bulk_topup.jobs.job import Job
from bulk_topup.jobs.retry_job import RetryJob

_COMMENT: Final = re.compile(r"    #: (.*)")
_FIELD: Final = re.compile(r"    (\w+): ")


def job_schema() -> dict[str, Any]:
    """Return the schema; each description is the `#:` comment above the field in its model."""
    schema = TypeAdapter[Any](Job | RetryJob).json_schema()
    models = {model.__name__: model for model in _models(Job | RetryJob)}
    for name, definition in schema["$defs"].items():
        if name not in models:
            continue
        texts = _descriptions(models[name])
        for field, shape in definition["properties"].items():
            if field in texts:
                shape["description"] = texts[field]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A job of bulk-topup", **schema}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation)
    for part in get_args(annotation):
        yield from _models(part)


def _descriptions(model: type[BaseModel]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        comment: list[str] = []
        for line in inspect.getsource(base).splitlines():
            if match := _COMMENT.fullmatch(line):
                comment.append(match[1])
                continue
            if (match := _FIELD.match(line)) and comment:
                texts[match[1]] = " ".join(comment)
            comment = []
    return texts
