"""Draws errors from a seed, and tries them until the time is over or none is left."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue
from random import Random

from mutants.find import Mutant, find_mutants
from mutants.targets import Target
from mutants.workspace import Trial, Workspace

#: Seconds of tests for one error at most.
SECONDS_OF_TESTS = 60.0


def draw_mutants(repository: Path, targets: Sequence[Target], seed: int) -> list[tuple[Target, Mutant]]:
    """Return all errors of the targets in a drawn order, one of each target after the other."""
    random = Random(seed)
    drawn = []
    for target in targets:
        found = [
            mutant
            for module in target.modules
            for mutant in find_mutants(module, (repository / module).read_text(encoding="utf-8"))
        ]
        random.shuffle(found)
        drawn.append([(target, mutant) for mutant in found])
    return [entry for entries in zip_longest(*drawn) for entry in entries if entry is not None]


def try_mutants(
    repository: Path,
    folder: Path,
    drawn: Sequence[tuple[Target, Mutant]],
    *,
    jobs: int,
    seconds: float | None,
    report: Callable[[str], None],
) -> Iterator[tuple[Target, Trial]]:
    """Yield what the tests make of errors, as they are tried.

    Args:
        repository: the repository, which does not change.
        folder: an empty one for copies of it.
        drawn: the errors in the order in which they are tried.
        jobs: how many are tried at the same time, each in a copy of its own.
        seconds: no other one is begun after that time; None for no limit.
        report: told what goes on.

    Raises:
        subprocess.CalledProcessError: the tests can't be run at all.
    """
    end = None if seconds is None else time.monotonic() + seconds
    copies = [Workspace.of(repository, folder / str(number)) for number in range(jobs)]
    workspaces: SimpleQueue[Workspace] = SimpleQueue()
    for workspace in copies:
        workspaces.put(workspace)
    report("Finding which tests run which lines ...")
    reach = copies[0].find_reach(list(dict.fromkeys(target for target, _ in drawn)))
    if reach.failed:
        report("\n".join(["These tests fail without any error, and are left out:", *reach.failed]))

    def try_one(entry: tuple[Target, Mutant]) -> tuple[Target, Trial] | None:
        if end is not None and time.monotonic() > end:
            return None
        target, mutant = entry
        workspace = workspaces.get()
        try:
            return target, workspace.try_mutant(mutant, reach, seconds=SECONDS_OF_TESTS)
        finally:
            workspaces.put(workspace)

    with ExitStack() as stack:
        for workspace in copies:
            stack.enter_context(workspace)
        threads = stack.enter_context(ThreadPoolExecutor(max_workers=jobs))
        yield from filter(None, threads.map(try_one, drawn))
