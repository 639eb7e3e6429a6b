"""Every path that the pages for contributors name exists, and the architecture's tree has every module."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "docs/architecture.md", "tests/README.md")
#: Folders that a path in a code span begins with; a file at the top is known by its ending.
TOP = re.compile(
    r"(bulk_topup|tests|docs|jobs|sample_files|chaos|benchmarks|examples|checks)/|[\w.-]+\.(md|toml|txt)$|Makefile$"
)


def _paths(text: str) -> set[str]:
    spans = re.findall(r"`([^`\s]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return {span for span in spans if TOP.match(span) and "*" not in span and "<" not in span}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    named = _paths((ROOT / page).read_text(encoding="utf-8"))
    assert named or page == "tests/README.md"
    folder = (ROOT / page).parent
    assert [path for path in sorted(named) if not (ROOT / path).exists() and not (folder / path).exists()] == []


def _tree(text: str) -> set[str]:
    """Return the files of the indented tree in the page's first block of text."""
    block = re.search(r"^```text\n(bulk_topup/.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert block is not None
    files, folders = set(), [""]
    for line in block[1].splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()  # type: ignore[union-attr]
        depth = len(indent) // 2
        path = folders[depth] + name
        if name.endswith("/"):
            folders[depth + 1 :] = [path]
        else:
            files.add(path)
    return files


def test_the_tree_has_every_module_and_nothing_else() -> None:
    modules = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bulk_topup").rglob("*.py")
        if path.name != "__init__.py" or path.parent.name == "bulk_topup"
    }
    tree = _tree((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))
    assert sorted(modules - tree) == []
    assert sorted(tree - modules) == []
