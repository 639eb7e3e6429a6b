"""Finds the files of the repository that checks read."""

from collections.abc import Iterator
from pathlib import Path

#: Folders with Python code of ours.
CODE_FOLDERS = ("benchmarks", "bulk_topup", "chaos", "checks", "examples", "mutants", "sample_files", "tests")
#: Past decisions keep the words of their time.
_HISTORY = "decisions"


def python_files(root: Path) -> Iterator[Path]:
    """Yield the Python files below a repository's root, in the order of their names."""
    for folder in CODE_FOLDERS:
        yield from sorted((root / folder).rglob("*.py"))


def markdown_files(root: Path) -> Iterator[Path]:
    """Yield the pages that people read: those of `docs/` without past decisions, and every README and guide.

    The changelog is history and the benchmark results are generated, so neither is among them.
    """
    yield from (path for path in (root / "README.md", root / "CONTRIBUTING.md") if path.exists())
    yield from sorted(path for path in (root / "docs").rglob("*.md") if path.parent.name != _HISTORY)
    for folder in CODE_FOLDERS:
        yield from sorted((root / folder).rglob("README.md"))
