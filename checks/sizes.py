"""Finds modules and functions of the product that are too long to be read in one go.

    python -m checks.sizes

It prints `file:line: what: what to do` for each, and exits with 1 if there are any. A module or function that has to be
longer gives its reason in a line of its docstring that starts with "Long because".
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from checks.findings import Finding, print_findings

PRODUCT = "bulk_topup"
MAX_MODULE_LINES = 300
#: From `def` to the last line, the docstring included.
MAX_FUNCTION_LINES = 60
_REASON = re.compile(r"^\s*Long because\s+\S", re.MULTILINE)


def check_file(path: Path, text: str) -> Iterator[Finding]:
    """Yield the module if it is too long, and each of its functions that is.

    Args:
        path: the file, relative to the repository.
        text: what it contains.
    """
    tree = ast.parse(text)
    lines = len(text.splitlines())
    if lines > MAX_MODULE_LINES and not _has_reason(tree):
        what = f"module of {lines} lines, more than {MAX_MODULE_LINES}"
        yield Finding(path=path, line=1, what=what, instead="split it by meaning")
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > MAX_FUNCTION_LINES and not _has_reason(node):
            what = f"function {node.name} of {lines} lines, more than {MAX_FUNCTION_LINES}"
            yield Finding(path=path, line=node.lineno, what=what, instead="split it by meaning")


def check_repository(root: Path) -> Iterator[Finding]:
    """Yield what is too long in the product of a repository."""
    for path in sorted((root / PRODUCT).rglob("*.py")):
        yield from check_file(path.relative_to(root), path.read_text(encoding="utf-8"))


def _has_reason(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return _REASON.search(ast.get_docstring(node) or "") is not None


def main() -> None:
    """Check the repository around the current folder, and exit with 1 if something is too long."""
    sys.exit(print_findings(check_repository(Path.cwd())))


if __name__ == "__main__":
    main()
