"""The check of sizes finds what is too long, unless its docstring gives the reason."""

from pathlib import Path

from checks.sizes import MAX_FUNCTION_LINES, MAX_MODULE_LINES, check_file, check_repository

PATH = Path("bulk_topup/engine/runner.py")


def module(lines: int, docstring: str = "Rows.") -> str:
    """Return a module of so many lines."""
    head = f'"""{docstring}"""\n'
    return head + "ROWS = 1\n" * (lines - head.count("\n"))


def function(lines: int, docstring: str = "Pay.", head: str = "def pay():") -> str:
    """Return a function of so many lines."""
    top = f'{head}\n    """{docstring}"""\n'
    return top + "    rows = 1\n" * (lines - top.count("\n"))


def test_a_module_of_300_lines_is_accepted_and_one_of_301_is_found() -> None:
    assert list(check_file(PATH, module(MAX_MODULE_LINES))) == []
    [finding] = check_file(PATH, module(MAX_MODULE_LINES + 1))
    assert str(finding) == f"{PATH}:1: module of 301 lines, more than 300: split it by meaning"


def test_a_function_of_60_lines_is_accepted_and_one_of_61_is_found() -> None:
    assert list(check_file(PATH, function(MAX_FUNCTION_LINES))) == []
    [finding] = check_file(PATH, f"ROWS = 1\n\n\n{function(MAX_FUNCTION_LINES + 1)}")
    assert str(finding) == f"{PATH}:4: function pay of 61 lines, more than 60: split it by meaning"


def test_a_method_and_an_async_function_are_measured_too() -> None:
    method = "".join(f"    {line}\n" for line in function(61).splitlines())
    assert len(list(check_file(PATH, f"class Runner:\n{method}"))) == 1
    assert len(list(check_file(PATH, function(61, head="async def pay():")))) == 1


def test_a_reason_in_the_docstring_allows_more() -> None:
    reason = "Pay.\n\n    Long because every state has a branch of its own.\n    "
    assert list(check_file(PATH, function(100, reason))) == []
    assert list(check_file(PATH, module(400, "Rows.\n\nLong because all statements are here.\n"))) == []


def test_only_a_line_that_starts_with_the_reason_counts() -> None:
    assert len(list(check_file(PATH, function(100, "Pay, which is Long because of its states.")))) == 1
    assert len(list(check_file(PATH, function(100, "Pay.\n\n    Long because\n    ")))) == 1


def test_the_reason_of_a_module_does_not_speak_for_its_functions() -> None:
    text = f'"""Rows.\n\nLong because all statements are here.\n"""\n\n\n{function(61)}'
    [finding] = check_file(PATH, text)
    assert finding.what == "function pay of 61 lines, more than 60"


def test_only_the_product_is_measured(tmp_path: Path) -> None:
    for folder in ("bulk_topup", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.py").write_text(module(301), encoding="utf-8")
    assert [finding.path.as_posix() for finding in check_repository(tmp_path)] == ["bulk_topup/rows.py"]
