"""Finds what waits or reads the time beside the clock that is passed in, in the product and in its tests.

    python -m checks.clocks

It prints `file:line: what: what to do` for each, and exits with 1 if there are any. Where the machine's own time is
meant, such as for the bound of a wait for a socket, the docstring of the function, class or module gives the reason in
a line that starts with "Real time because". Tests may read the machine's time; they may not sleep by it.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from checks.findings import Finding, print_findings

PRODUCT, TESTS = "bulk_topup", "tests"
#: The one home of the machine's time.
_CLOCK = Path("bulk_topup/system/clock.py")
_SLEEPS = {"asyncio.sleep", "time.sleep"}
_READINGS = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.time",
    "time.time_ns",
}
#: Methods of an event loop that wait, whatever the loop is called.
_TIMERS = {"call_at", "call_later"}
_REASON = re.compile(r"^\s*Real time because\s+\S", re.MULTILINE)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def check_file(path: Path, text: str) -> Iterator[Finding]:
    """Yield each use of the machine's time without a reason.

    Args:
        path: the file, relative to the repository.
        text: what it contains.
    """
    for node in _without_reason(ast.parse(text)):
        name = _name(node)
        is_found = name in _SLEEPS or (
            path.parts[0] == PRODUCT and (name in _READINGS or name.rpartition(".")[2] in _TIMERS)
        )
        if is_found and isinstance(node, ast.expr | ast.stmt):
            instead = 'use the clock that is passed in, or give the reason in a docstring: "Real time because ..."'
            yield Finding(path=path, line=node.lineno, what=name, instead=instead)


def check_repository(root: Path) -> Iterator[Finding]:
    """Yield each use of the machine's time without a reason in a repository."""
    for folder in (PRODUCT, TESTS):
        for path in sorted((root / folder).rglob("*.py")):
            relative = path.relative_to(root)
            if relative != _CLOCK:
                yield from check_file(relative, path.read_text(encoding="utf-8"))


def _without_reason(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, but not what has a reason, nor sleeps of 0 s, which only let others run."""
    if isinstance(node, _DOCUMENTED) and _REASON.search(ast.get_docstring(node) or ""):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Call) and child is node.func and _is_zero(node)):
            yield from _without_reason(child)


def _name(node: ast.AST) -> str:
    """Return what a node refers to, as `time.sleep`; an import of that name counts too."""
    if isinstance(node, ast.Attribute):
        return f"{node.value.id if isinstance(node.value, ast.Name) else ''}.{node.attr}"
    if isinstance(node, ast.ImportFrom):
        names = {f"{node.module}.{alias.name}" for alias in node.names}
        return min(names & (_SLEEPS | _READINGS), default="")
    return ""


def _is_zero(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Constant) and first.value == 0


def main() -> None:
    """Check the repository around the current folder, and exit with 1 if something uses the machine's time."""
    sys.exit(print_findings(check_repository(Path.cwd())))


if __name__ == "__main__":
    main()
