"""Copies of the repository, in which errors are put into modules and tests run; the repository itself never changes."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import coverage

from mutants.find import Change, Mutant, change_of
from mutants.targets import Target
from mutants.warm_pytest import WarmPytest

#: What every run of pytest gets: no other order, no cache, and the same draws of property tests each time.
_PYTEST: Final = ("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")

#: pytest's exit code if a test fails. Others mean that it could not import the tests.
_FAILED: Final = 1
#: How long tests may take at least, however short they are without an error.
LEAST_SECONDS: Final = 40


class Outcome(StrEnum):
    """What the tests make of an error."""

    #: A test fails.
    CAUGHT = "caught"
    #: The tests take too long: something waits for what never comes.
    HANGS = "hangs"
    #: The module cannot be imported any more, which nobody could overlook.
    BROKEN = "broken"
    #: All tests pass.
    SURVIVED = "survived"
    #: No test runs the line.
    UNREACHED = "unreached"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """An error, and what the tests make of it."""

    mutant: Mutant
    change: Change
    outcome: Outcome
    #: Tests that ran at most.
    tests: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Which tests run which lines, how long they take, and what they import."""

    #: Tests by line, by module; none for a line that only imports run.
    tests: Mapping[Path, Mapping[int, frozenset[str]]]
    #: The tests that a target names, by module.
    named: Mapping[Path, frozenset[str]]
    #: Seconds by test.
    durations: Mapping[str, float]
    #: Tests that fail without any error, and so notice none.
    failed: Sequence[str]
    #: Names of the modules of libraries that they import.
    libraries: Sequence[str]

    def tests_of(self, mutant: Mutant, source: str, *, seconds: float) -> list[str]:
        """Return tests that run a mutant's statement: those of its module's own file first, then the quickest.

        Args:
            mutant: the error.
            source: the module's code without it.
            seconds: how long they take together at most; the first one may take longer.
        """
        lines = self.tests.get(mutant.module, {})
        reached = [lines[line] for line in statement_lines(source, mutant.line) if line in lines]
        names = frozenset[str]().union(*reached)
        if reached and not names:
            names = self.named[mutant.module].union(*lines.values())  # what imports run matters to all
        chosen: list[str] = []
        total = 0.0
        own = f"/test_{mutant.module.stem}.py::"
        for name in sorted(
            names.difference(self.failed), key=lambda name: (own not in name, self.durations.get(name, 0.0), name)
        ):
            total += self.durations.get(name, 0.0)
            if chosen and total > seconds:
                break
            chosen.append(name)
        return chosen


class Workspace:
    """A copy of the repository.

    Args:
        root: its folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._warm: WarmPytest | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._warm is not None:
            self._warm.__exit__(exc_type, exc, traceback)

    @classmethod
    def of(cls, repository: Path, root: Path) -> "Workspace":
        """Copy what the repository has, also what is not committed, into a new folder."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=repository,
            stdout=subprocess.PIPE,
            check=True,
        )
        for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
            if (repository / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(repository / name, root / name)
        return cls(root)

    def find_reach(self, targets: Sequence[Target]) -> Reach:
        """Run the tests of all targets, and return which lines each runs.

        Raises:
            subprocess.CalledProcessError: the tests can't be run at all.
        """
        data, notes = self.root / ".reach", self.root / ".notes.json"
        settings = self.root / ".reach.ini"
        settings.write_text("[run]\nconcurrency = thread\n", encoding="utf-8")
        modules = list(dict.fromkeys(module for target in targets for module in target.modules))
        command = [
            *("-m", "coverage", "run", f"--rcfile={settings}", f"--data-file={data}"),
            f"--include={','.join(str(self.root / module) for module in modules)}",
            *("-m", "pytest", *_PYTEST, "-p", "mutants.line_contexts"),
            *_without_nested(test for target in targets for test in target.tests),
        ]
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.root,
            env=self._variables | {"MUTANTS_NOTES": str(notes)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != _FAILED:
            done.check_returncode()
        found = coverage.CoverageData(basename=str(data))
        found.read()
        noted = json.loads(notes.read_text(encoding="utf-8"))
        return Reach(
            tests={module: _tests_by_line(found, self.root / module) for module in modules},
            named={
                module: frozenset(name for name in noted["durations"] if _is_below(name, target.tests))
                for target in targets
                for module in target.modules
            },
            **noted,
        )

    def try_mutant(self, mutant: Mutant, reach: Reach, *, seconds: float) -> Trial:
        """Run the tests of a module with an error in it, and take the error out again.

        Args:
            mutant: the error.
            reach: the tests of each line.
            seconds: how long the chosen tests take together at most, without the error.
        """
        path = self.root / mutant.module
        source = path.read_text(encoding="utf-8")
        changed = mutant.apply(source)
        tests = reach.tests_of(mutant, source, seconds=seconds)
        trial = Trial(mutant=mutant, change=change_of(source, changed), outcome=Outcome.UNREACHED, tests=len(tests))
        if not tests:
            return trial
        path.write_text(changed, encoding="utf-8")
        try:
            expected = sum(reach.durations.get(test, 0.0) for test in tests)
            outcome = self._outcome(tests, reach.libraries, timeout=LEAST_SECONDS + 4 * expected)
        finally:
            path.write_text(source, encoding="utf-8")
        return replace(trial, outcome=outcome)

    def _outcome(self, tests: Sequence[str], libraries: Sequence[str], *, timeout: float) -> Outcome:
        if self._warm is None:
            self._warm = WarmPytest(self.root, self._variables, libraries)
        code = self._warm.run([*_PYTEST, "-x", *tests], timeout=timeout)
        if code < 0:
            return Outcome.HANGS
        return {0: Outcome.SURVIVED, _FAILED: Outcome.CAUGHT}.get(code, Outcome.BROKEN)

    @property
    def _variables(self) -> dict[str, str]:
        """The environment: without compiled files, which could be those of another error."""
        return os.environ | {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}


def _is_below(test: str, paths: Iterable[str]) -> bool:
    """Return True if a test is in one of the files or folders."""
    file = test.partition("::")[0]
    return any(Path(file).is_relative_to(path) for path in paths)


def _without_nested(paths: Iterable[str]) -> list[str]:
    """Return paths once each, without those inside folders that are among them."""
    unique = dict.fromkeys(paths)
    return [path for path in unique if not any(str(parent) in unique for parent in Path(path).parents)]


def statement_lines(source: str, line: int) -> range:
    """Return the lines of the innermost statement that has a line; of a compound one those before its body."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            if line <= end:
                found = range(node.lineno, end + 1)
    return found


def _tests_by_line(data: coverage.CoverageData, path: Path) -> dict[int, frozenset[str]]:
    found = data.contexts_by_lineno(str(path))
    return {line: frozenset(filter(None, tests)) for line, tests in found.items()}
