"""Starts processes, forked from this one or new, with their output in a file; ends only those that it started.

A process that is forked has everything imported already, which spares a second of work for each start. This process
must have neither threads nor an event loop of its own.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: What an uncaught exception exits with, as Python itself does.
UNCAUGHT: Final = 1
#: Seconds between two looks at a process.
LOOK: Final = 0.005
#: More descriptors than this process ever has open.
HIGHEST_DESCRIPTOR: Final = 1024

Main = Callable[[Sequence[str]], None]


@dataclass(kw_only=True, slots=True)
class Process:
    """A process that was started here."""

    pid: int
    #: Everything that it writes.
    output: Path
    #: Its exit code, negative for the signal that killed it; None while it lives.
    code: int | None = None

    def is_over(self) -> bool:
        """Tell whether it ended; never waits."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it ended."""
        if not self.is_over():
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tell whether it came in time."""
        deadline = time.monotonic() + seconds
        while not self.is_over():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK)
        return True

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        self.send(signal.SIGKILL)
        while not self.is_over():
            time.sleep(LOOK)


def forked(main: Main, words: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: Path) -> Process:
    """Start `main` in a fork of this process.

    Args:
        main: what it runs; ends with SystemExit.
        words: its arguments.
        folder: its working folder.
        environment: its whole environment.
        output: the file that takes its output; written on where it exists.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Process(pid=pid, output=output)
    code = UNCAUGHT
    try:
        _become(folder, environment, output)
        main(words)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else UNCAUGHT if end.code else 0
    except BaseException:  # noqa: BLE001 - told as Python tells it, and the fork must never return
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)


def _become(folder: Path, environment: Mapping[str, str], output: Path) -> None:
    """Make a fork look like a process that was started by a shell."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    written = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    os.closerange(3, HIGHEST_DESCRIPTOR)
    random.seed()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def executed(
    module: str, words: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: Path
) -> Process:
    """Start a module as a new Python process; the same arguments as for `forked`.

    An interruption waits until the module lets it come: before that it would show how Python starts, not how a command
    stops.
    """
    with _interruptions_blocked(), output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(Path(__file__).parent.parent)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Waited for by its id: Popen must not do so too, nor warn that it is still alive when it is forgotten.
    process.returncode = 0
    return Process(pid=process.pid, output=output)


@contextlib.contextmanager
def _interruptions_blocked() -> Iterator[None]:
    """Block SIGINT here, and in what is started meanwhile until that unblocks it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
