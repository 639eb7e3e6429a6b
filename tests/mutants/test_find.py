from pathlib import Path

from mutants.find import Change, change_of, find_mutants

MODULE = Path("module.py")


def changes(code: str) -> set[str]:
    return {mutant.apply(code) for mutant in find_mutants(MODULE, code)}


def test_every_error_changes_one_place() -> None:
    assert changes("def f(a):\n    return a < 1\n") == {
        "def f(a):\n    return a <= 1\n",
        "def f(a):\n    return a >= 1\n",
        "def f(a):\n    return a < 2\n",
        "def f(a):\n    return a < 0\n",
    }


def test_annotations_are_left_as_they_are() -> None:
    code = "a: int | None = 1\ndef f(b: int | None, *, c: int | None = 1) -> int | None: ...\n"
    assert {change.replace(" ", "") for change in changes(code)} == {
        code.replace("= 1\ndef", "= 2\ndef").replace(" ", ""),
        code.replace("= 1\ndef", "= 0\ndef").replace(" ", ""),
        code.replace("= 1)", "= 2)").replace(" ", ""),
        code.replace("= 1)", "= 0)").replace(" ", ""),
    }


def test_decorators_are_left_as_they_are() -> None:
    assert changes("@lru_cache(maxsize=64)\ndef f(): ...\n") == set()


def test_a_change_is_told_by_the_lines_that_differ() -> None:
    assert change_of("a\nb\nc\n", "a\nx\ny\nc\n") == Change(before=("b",), after=("x", "y"))
    assert change_of("a\na\n", "a\n") == Change(before=("a",), after=())
