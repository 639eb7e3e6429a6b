"""Reads what people read in a Python file: docstrings, comments and messages, each with its line; pure."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: Statements of SQL by their first word.
_SQL = re.compile(r"\s*(ALTER|BEGIN|COMMIT|CREATE|DELETE|DROP|FROM|INSERT|PRAGMA|SELECT|UPDATE|WITH)\b")
#: Calls whose texts people read.
_PRINTING = {"echo", "print", "secho"}
_HELP = "help"
#: A comment on a literal's line that keeps it as it is, with the reason.
_KEPT = re.compile(r"#\s*language:\s*\S")


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A text with its place in the file."""

    text: str
    #: The line that it starts on, from 1.
    line: int
    #: The lines of the file that it covers, which find an exact place inside a joined text.
    lines: tuple[str, ...] = ()

    def line_of(self, match: re.Match[str]) -> int:
        """Return the line of a match in this text."""
        found = match.group().strip()
        for offset, line in enumerate(self.lines):
            if found in line:
                return self.line + offset
        return self.line + self.text.count("\n", 0, match.start())


@dataclass(frozen=True, kw_only=True, slots=True)
class Docstring(Text):
    """The docstring of a module, class or function."""

    of_function: bool
    #: Whether users read it as the help of a command.
    is_help: bool


class Source:
    """A Python file's text, parsed.

    Args:
        text: what the file contains.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.splitlines()
        self.tree = ast.parse(text)
        self._tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))

    def docstrings(self) -> Iterator[Docstring]:
        """Yield every docstring."""
        for node in ast.walk(self.tree):
            if not isinstance(node, _DOCUMENTED) or (literal := _docstring(node)) is None:
                continue
            yield Docstring(
                text=str(literal.value),
                line=literal.lineno,
                of_function=isinstance(node, _FUNCTIONS),
                is_help=isinstance(node, _FUNCTIONS) and _is_command(node),
            )

    def comments(self) -> Iterator[Text]:
        """Yield every comment; lines that follow each other are one."""
        block: list[tokenize.TokenInfo] = []
        for token in self._tokens:
            if token.type != tokenize.COMMENT:
                continue
            if block and token.start[0] != block[-1].start[0] + 1:
                yield _joined(block)
                block = []
            block.append(token)
        if block:
            yield _joined(block)

    def literals(self) -> Iterator[Text]:
        """Yield every text in quotes but docstrings and SQL; values in f-strings appear as `{}`."""
        yield from self._literals_of([self.tree])

    def printed_literals(self) -> Iterator[Text]:
        """Yield the texts of errors that are raised, of calls that print, and of `help` arguments."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Raise) and node.exc is not None:
                yield from self._literals_of([node.exc])
            elif isinstance(node, ast.Call) and _name(node.func) in _PRINTING:
                yield from self._literals_of(node.args)
            elif isinstance(node, ast.keyword) and node.arg == _HELP:
                yield from self._literals_of([node.value])

    def names(self) -> Iterator[tuple[int, str]]:
        """Yield every name that the code uses with its line; where a function is defined, `def ` precedes its name."""
        before = ""
        for token in self._tokens:
            if token.type == tokenize.NAME:
                yield token.start[0], f"def {token.string}" if before == "def" else token.string
                before = token.string

    @cached_property
    def _docstring_ids(self) -> set[int]:
        nodes = (node for node in ast.walk(self.tree) if isinstance(node, _DOCUMENTED))
        return {id(literal) for node in nodes if (literal := _docstring(node)) is not None}

    def _literals_of(self, nodes: Iterable[ast.AST]) -> Iterator[Text]:
        for node in nodes:
            if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                yield from self._literal(node)
            else:
                yield from self._literals_of(ast.iter_child_nodes(node))

    def _literal(self, node: ast.JoinedStr | ast.Constant) -> Iterator[Text]:
        """Yield a literal unless it is a docstring, SQL, or kept as it is; also the literals inside an f-string."""
        lines = tuple(self._lines[node.lineno - 1 : node.end_lineno])
        text = _with_placeholders(node)
        if id(node) not in self._docstring_ids and not _SQL.match(text) and not any(map(_KEPT.search, lines)):
            yield Text(text=text, line=node.lineno, lines=lines)
        if isinstance(node, ast.JoinedStr):
            yield from self._literals_of(part.value for part in node.values if isinstance(part, ast.FormattedValue))


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> ast.Constant | None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first.value
    return None


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    calls = (decorator.func for decorator in node.decorator_list if isinstance(decorator, ast.Call))
    return any(_name(call) in {"command", "group"} for call in calls)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _joined(tokens: Iterable[tokenize.TokenInfo]) -> Text:
    block = list(tokens)
    text = "\n".join(token.string.lstrip("#: ") for token in block)
    return Text(text=text, line=block[0].start[0])


def _with_placeholders(node: ast.expr) -> str:
    """Return a literal's text; a value of an f-string appears as `{}` with its format."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            format_ = f":{_with_placeholders(part.format_spec)}" if part.format_spec is not None else ""
            parts.append(f"{{{format_}}}")
        else:
            parts.append(_with_placeholders(part))
    return "".join(parts)
