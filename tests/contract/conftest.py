"""Compares HTTP messages with the description, read strictly: fields that it does not name are errors."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx2
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr

from bulk_topup.dvs import codec
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.openapi import document

KEY, SECRET = "key", "secret"
_NAME = re.compile(r"\{\w+\}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
#: Headers of HTTP itself, which need no description.
_HTTP_HEADERS = {"content-type", "content-length", "date", "connection", "server"}

formats = FormatChecker(formats=())
#: The check of each format, for values of its type.
FORMATS: dict[str, tuple[type, Callable[[Any], object]]] = {
    "date": (str, date.fromisoformat),
    "date-time": (str, lambda value: _MOMENT.fullmatch(value) and datetime.fromisoformat(value)),
    "uri": (str, lambda value: urlsplit(value).scheme),
    "int32": (int, lambda value: abs(value) < 2**31),
    "int64": (int, lambda value: abs(value) < 2**63),
}
for name, (type_, fits) in FORMATS.items():
    formats.checks(name, raises=ValueError)(
        lambda value, type_=type_, fits=fits: not isinstance(value, type_) or bool(fits(value))
    )


def _strict(value: Any) -> Any:
    """Allow no other fields in objects whose fields are named."""
    if isinstance(value, list):
        return [_strict(part) for part in value]
    if not isinstance(value, dict):
        return value
    closed = {name: _strict(part) for name, part in value.items()}
    type_ = value.get("type")
    if isinstance(value.get("properties"), dict) and (
        "object" in type_ if isinstance(type_, list) else type_ == "object"
    ):
        closed["additionalProperties"] = False
    return closed


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of the description."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.described["operationId"])


@dataclass(kw_only=True)
class Contract:
    """The description, and which operations were compared."""

    document: Mapping[str, Any]
    #: IDs of the operations whose responses and whose requests were compared.
    responded: set[str] = field(default_factory=set)
    requested: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.operations = [
            Operation(method=method.upper(), path=path, described=described)
            for path, methods in self.document["paths"].items()
            for method, described in methods.items()
        ]
        self._components = _strict(self.document["components"])

    def find(self, method: str, path: str) -> Operation:
        """Return the operation of a request, whose path starts after /v1; the one with the fewest variables wins."""
        found = [
            operation
            for operation in self.operations
            if operation.method == method and re.fullmatch(_NAME.sub("[^/]+", operation.path), path)
        ]
        assert found, f"{method} {path} is not described"
        return min(found, key=lambda operation: operation.path.count("{"))

    def resolve(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in value:
            _, kind, name = value["$ref"].removeprefix("#/").split("/")
            value = self.document["components"][kind][name]
        return value

    def check_value(self, schema: Mapping[str, Any], value: object, place: str) -> None:
        validator = Draft202012Validator({**_strict(schema), "components": self._components}, format_checker=formats)
        problems = [
            f"{place}{problem.json_path[1:]}: {problem.message}" for problem in _leaves(validator.iter_errors(value))
        ]
        assert not problems, "\n".join(problems)

    def check_response(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Check status, headers and body of a response."""
        operation = self.find(method, path)
        place = f"{method} {path} answered {status}"
        assert str(status) in operation.described["responses"], f"{place}, which is not described"
        response = self.resolve(operation.described["responses"][str(status)])
        [(content_type, content)] = response["content"].items()
        assert headers["content-type"].partition(";")[0] == content_type
        value = codec.decode(body)
        self.check_value(content["schema"], value, place)
        if status >= 400:
            described = [example["value"]["errors"][0] for example in content["examples"].values()]
            for error in value["errors"]:
                messages = [known["message"] for known in described if known["code"] == error["code"]]
                assert messages, f"{place} with code {error['code']}, which is not described"
                assert error["message"].startswith(messages[0])
        self._check_headers(response.get("headers", {}), headers, place)
        self.responded.add(operation.id)

    def _check_headers(self, described: Mapping[str, Any], headers: Mapping[str, str], place: str) -> None:
        names = {name.lower(): self.resolve(header) for name, header in described.items()}
        unknown = {name.lower() for name in headers} - _HTTP_HEADERS - set(names)
        assert not unknown, f"{place} with headers that are not described: {unknown}"
        for name, header in names.items():
            if name in headers:
                self.check_value(header["schema"], self._read(header["schema"], headers[name]), f"{place}, {name}")
            else:
                assert not header.get("required"), f"{place} without {name}"

    def _read(self, schema: Mapping[str, Any], value: str) -> object:
        type_ = self.resolve(schema).get("type")
        return int(value) if type_ == "integer" and re.fullmatch(r"-?[0-9]+", value) else value

    def check_request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        """Check path, parameters, headers and body of a request."""
        parts = urlsplit(target)
        path = parts.path.removeprefix("/v1")
        operation = self.find(method, path)
        place = f"{method} {target}"
        assert headers["authorization"].startswith("Basic ")
        parameters = [self.resolve(parameter) for parameter in operation.described.get("parameters", ())]
        names = re.findall(r"\{(\w+)\}", operation.path)
        match = re.fullmatch(_NAME.sub("([^/]+)", operation.path), path)
        assert match
        unchecked: dict[tuple[str, str], list[str]] = {
            ("path", name): [unquote(value)] for name, value in zip(names, match.groups(), strict=True)
        }
        unchecked |= {("query", name): values for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        for parameter in parameters:
            name, schema = parameter["name"], parameter["schema"]
            values = unchecked.pop((parameter["in"], name), None)
            if parameter["in"] == "header" and name.lower() in headers:
                values = [headers[name.lower()]]
            if values is None:
                assert not parameter.get("required"), f"{place} without {name}"
                continue
            assert len(values) == 1, f"{place}: {name} is given more than once"
            listed = self.resolve(schema).get("type") == "array"
            value: object = values[0].split(",") if listed else self._read(schema, values[0])
            self.check_value(schema, value, f"{place}, {name}")
        assert not unchecked, f"{place} has parameters that are not described: {list(unchecked)}"
        self._check_request_body(operation, headers, body, place)
        self.requested.add(operation.id)

    def _check_request_body(self, operation: Operation, headers: Mapping[str, str], body: bytes, place: str) -> None:
        if "requestBody" not in operation.described:
            assert not body, f"{place} has a body"
            return
        [(content_type, content)] = operation.described["requestBody"]["content"].items()
        assert headers["content-type"].partition(";")[0] == content_type
        self.check_value(content["schema"], codec.decode(body), place)


def _leaves(errors: Any) -> Iterator[Any]:
    """Yield the errors that explain others: those of the alternative that matches best."""
    for error in errors:
        if error.context:
            places = {cause.schema_path[0] for cause in error.context}
            groups = [[cause for cause in error.context if cause.schema_path[0] == place] for place in places]
            yield from _leaves(min(groups, key=len))
        else:
            yield error


@pytest.fixture
def contract() -> Contract:
    """The description, with nothing compared yet."""
    return Contract(document=document())


@pytest.fixture(scope="session")
def served() -> Iterator[EmbeddedSandbox]:
    """The sandbox of the folder, with short delays and large balances."""
    config = SandboxConfig(
        api_key=KEY,
        api_secret=SecretStr(SECRET),
        time_scale=0.01,
        rate_limit=1_000_000,
        balances={"USD": Decimal(10_000_000), "EUR": Decimal(10_000_000)},
    )
    with EmbeddedSandbox(config) as sandbox:
        yield sandbox


@pytest.fixture
def checked(contract: Contract) -> Iterator[Callable[..., httpx2.Client]]:
    """Yield a function that creates clients whose every response is compared with the description."""

    def check(response: httpx2.Response) -> None:
        response.read()
        path = response.request.url.raw_path.decode().partition("?")[0].removeprefix("/v1")
        contract.check_response(response.request.method, path, response.status_code, response.headers, response.content)

    opened: list[httpx2.Client] = []

    def make(sandbox: EmbeddedSandbox, **options: Any) -> httpx2.Client:
        values: dict[str, Any] = {"auth": (KEY, SECRET), "event_hooks": {"response": [check]}}
        opened.append(httpx2.Client(base_url=sandbox.base_url, **values | options))
        return opened[-1]

    yield make
    for client in opened:
        client.close()
