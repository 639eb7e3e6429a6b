"""Runs pytest again and again in forks of a process that has imported its libraries, as that takes longer than a run.

The process is this module as a program. The first line of its standard input is a list of libraries in JSON, none of
them of the repository, whose code changes between two runs. Each further line is a list of pytest's arguments. It
answers with the process ID of the fork, and at the end of the fork with its exit code, a line each.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

#: pytest's exit code for errors of its own.
_INTERNAL_ERROR = 3
#: Plugins that are imported already can't get better messages of failed assertions, which nobody reads here.
_QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")


class WarmPytest:
    """Runs pytest in one folder, one run at a time.

    Args:
        folder: the folder, which is on the path of imports.
        variables: the environment.
        libraries: names of modules that are imported once for all runs.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], libraries: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("The process has no pipes.")
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._write(libraries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.__exit__(exc_type, exc, traceback)

    def run(self, arguments: Sequence[str], *, timeout: float) -> int:
        """Return pytest's exit code; a negative one if it was ended after the timeout, in seconds.

        Raises:
            RuntimeError: the process has ended.
        """
        self._write([*_QUIET, *arguments])
        session = self._read()
        timer = threading.Timer(timeout, _kill, (session,))
        timer.start()
        try:
            return self._read()
        finally:
            timer.cancel()
            _kill(session)  # also what its tests started

    def _write(self, texts: Sequence[str]) -> None:
        self._requests.write(f"{json.dumps(texts)}\n")
        self._requests.flush()

    def _read(self) -> int:
        line = self._answers.readline()
        if not line:
            raise RuntimeError("The process that runs pytest has ended.")
        return int(line)


def main() -> None:
    """Import libraries, then run pytest for each line of standard input."""
    for name in json.loads(sys.stdin.readline()):
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)  # what can't be imported alone is imported by the tests
    if threading.active_count() > 1:
        raise SystemExit("A library has started a thread, which a fork would not have.")
    gc.freeze()
    for line in sys.stdin:
        session = os.fork()
        if session == 0:
            _run(json.loads(line))
        _answer(session)
        _, status = os.waitpid(session, 0)
        _answer(os.waitstatus_to_exitcode(status))


def _run(arguments: Sequence[str]) -> None:
    """Run pytest in a session of its own without any output, and end the process."""
    code = _INTERNAL_ERROR
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        code = pytest.main(list(arguments))
    finally:
        os._exit(code)


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _kill(session: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    main()
