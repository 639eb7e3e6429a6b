"""Errors are tried in copies of a small repository, with a pytest of its own."""

import subprocess
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from mutants.campaign import draw_mutants, try_mutants
from mutants.results import Equivalent, Results, describe, read_equivalents, table
from mutants.targets import TARGETS, Target
from mutants.workspace import Outcome, Trial, statement_lines

ROOT = Path(__file__).parents[2]
MODULE = Path("caps/limits.py")
SOURCE = """\
LARGEST = 3


def is_allowed(amount):
    return amount <= LARGEST


def is_large(amount):
    if amount > 1:
        return True
    return False


def unused(amount):
    return amount + 1
"""
TESTS = """\
from caps.limits import LARGEST, is_allowed, is_large


def test_the_boundary():
    assert is_allowed(3) and not is_allowed(4)


def test_large():
    assert is_large(5) and not is_large(0)
"""
TARGET = Target(name="limits", modules=(MODULE,), tests=("tests",))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name, text in {
        "caps/__init__.py": "",
        MODULE.as_posix(): SOURCE,
        "tests/test_limits.py": TESTS,
        "mutants/__init__.py": "",
        "mutants/line_contexts.py": ROOT.joinpath("mutants/line_contexts.py").read_text(encoding="utf-8"),
        "pytest.ini": "[pytest]\npythonpath = .\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


def tried(repository: Path, folder: Path, operators: Sequence[str] = ()) -> list[Trial]:
    drawn = [
        (target, mutant)
        for target, mutant in draw_mutants(repository, [TARGET], seed=1)
        if not operators or mutant.operator in operators
    ]
    folder.mkdir()
    found = try_mutants(repository, folder, drawn, jobs=2, seconds=None, report=lambda _: None)
    return [trial for _, trial in found]


def test_errors_that_no_test_notices_are_told_from_those_that_one_does(repository: Path, tmp_path: Path) -> None:
    comparisons = ["ReplaceComparisonOperator_LtE_Lt", "ReplaceComparisonOperator_Gt_GtE"]
    trials = tried(repository, tmp_path / "copies", [*comparisons, "ReplaceBinaryOperator_Add_Sub", "NumberReplacer"])
    outcomes = {(trial.change.after[0].strip(), trial.outcome) for trial in trials}
    assert ("return amount < LARGEST", Outcome.CAUGHT) in outcomes
    assert ("LARGEST = 4", Outcome.CAUGHT) in outcomes  # only imports run that line
    assert ("if amount >= 1:", Outcome.SURVIVED) in outcomes
    assert ("return amount - 1", Outcome.UNREACHED) in outcomes
    assert repository.joinpath(MODULE).read_text(encoding="utf-8") == SOURCE
    assert all(copy.read_text(encoding="utf-8") == SOURCE for copy in tmp_path.glob(f"copies/*/{MODULE}"))


def test_an_error_that_only_a_test_without_any_line_of_the_module_sees_is_noticed(
    repository: Path, tmp_path: Path
) -> None:
    tests = repository.joinpath("tests/test_limits.py")
    tests.write_text(TESTS.replace("import LARGEST, ", "import ").replace("is_allowed(4)", "is_allowed(5)"))
    before = tried(repository, tmp_path / "one", ["NumberReplacer"])
    assert ("LARGEST = 4", Outcome.SURVIVED) in {(trial.change.after[0].strip(), trial.outcome) for trial in before}
    tests.with_name("test_constant.py").write_text(
        "from caps import limits\ndef test_constant(): assert limits.LARGEST == 3\n"
    )
    trials = tried(repository, tmp_path / "two", ["NumberReplacer"])
    assert ("LARGEST = 4", Outcome.CAUGHT) in {(trial.change.after[0].strip(), trial.outcome) for trial in trials}


def test_an_error_that_never_ends_is_noticed(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mutants.workspace.LEAST_SECONDS", 3)
    repository.joinpath(MODULE).write_text("def f(n):\n    while True:\n        if n: break\n    return 1\n")
    repository.joinpath("tests/test_limits.py").write_text(
        "from caps.limits import f\ndef test_it(): assert f(1) == 1\n"
    )
    [trial] = tried(repository, tmp_path / "copies", ["ReplaceBreakWithContinue"])
    assert trial.outcome is Outcome.HANGS


def test_tests_that_fail_without_an_error_are_named_and_left_out(repository: Path, tmp_path: Path) -> None:
    repository.joinpath("tests/test_failing.py").write_text(
        "from caps.limits import is_allowed\ndef test_it(): assert not is_allowed(3)\n"
    )
    drawn = [each for each in draw_mutants(repository, [TARGET], seed=1) if each[1].line == 5]
    tmp_path.joinpath("copies").mkdir()
    said: list[str] = []
    trials = [
        trial
        for _, trial in try_mutants(repository, tmp_path / "copies", drawn, jobs=1, seconds=None, report=said.append)
    ]
    assert "tests/test_failing.py::test_it" in said[-1]
    assert {trial.tests for trial in trials} == {1}


def test_tests_that_can_not_be_imported_end_it(repository: Path, tmp_path: Path) -> None:
    repository.joinpath("tests/test_limits.py").write_text("import nothing\n")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        tried(repository, tmp_path / "copies")
    assert b"1 error" in caught.value.stdout


def test_a_seed_draws_the_same_errors_and_no_time_tries_none(repository: Path, tmp_path: Path) -> None:
    first, again, other = (draw_mutants(repository, [TARGET], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert set(first) == set(other)
    tmp_path.joinpath("copies").mkdir()
    assert not list(try_mutants(repository, tmp_path / "copies", first, jobs=1, seconds=-1, report=lambda _: None))


def test_equivalent_errors_are_not_counted(repository: Path, tmp_path: Path) -> None:
    trials = tried(
        repository, tmp_path / "copies", ["ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_LtE_Lt"]
    )
    results = Results(target=TARGET, possible=2)
    same = Equivalent(
        module=MODULE.as_posix(), before="if amount > 1:", after="if amount >= 1:", reason="for this test"
    )
    for trial in trials:
        results.add(trial, [same])
    assert results.noticed == Decimal(100)
    assert results.equivalent == 1
    assert not results.missed
    results = Results(target=TARGET, possible=2)
    for trial in trials:
        results.add(trial, [])
    assert results.noticed == Decimal(50)
    assert not results.is_reached
    assert table([results]).splitlines()[-1] == "| limits | 2 | 2 | 1 | 0 | 1 | 0 | 0 | 50 | 95: missed |"
    assert describe(results.missed[0]).splitlines() == [
        "caps/limits.py:9: ReplaceComparisonOperator_Gt_GtE 0: 1 tests passed",
        "  - if amount > 1:",
        "  + if amount >= 1:",
    ]


@pytest.mark.parametrize(("line", "lines"), [(1, [1]), (3, [2, 3]), (4, [4, 5]), (5, [4, 5]), (6, [6])])
def test_a_place_belongs_to_its_innermost_statement(line: int, lines: list[int]) -> None:
    source = "A = 1\ndef f(\n    b):\n    return (\n        b)\nC = 2\n"
    assert list(statement_lines(source, line)) == lines


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_parts_have_modules_and_tests(target: Target) -> None:
    for path in (*target.modules, *map(Path, target.tests)):
        assert ROOT.joinpath(path).exists(), path


def test_the_lines_of_listed_equivalents_exist() -> None:
    for each in read_equivalents(ROOT / "mutants" / "equivalent.toml"):
        lines = [line.strip() for line in ROOT.joinpath(each.module).read_text(encoding="utf-8").splitlines()]
        assert each.before.splitlines()[0] in lines, each
        assert each.reason
