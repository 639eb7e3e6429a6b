"""Starts processes, forked from this one or new, with their output in a file; kills only those that it started.

A forked process has everything imported already, which saves a second per start. This process must have neither
threads nor an event loop.
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

#: Exit code after an uncaught exception, as in Python itself.
UNCAUGHT: Final = 1
#: Seconds between two checks of a process.
POLL_INTERVAL: Final = 0.005
#: More file descriptors than this process ever opens.
HIGHEST_DESCRIPTOR: Final = 1024

Main = Callable[[Sequence[str]], None]


@dataclass(kw_only=True, slots=True)
class Process:
    """A process that was started here."""

    pid: int
    #: The file with everything that it prints.
    output: Path
    #: Its exit code, negative for the signal that killed it; None while it is running.
    code: int | None = None

    def has_ended(self) -> bool:
        """Return True if it has ended; never waits."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if not self.has_ended():
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait until it ends, and return False if that takes longer."""
        deadline = time.monotonic() + seconds
        while not self.has_ended():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_INTERVAL)
        return True

    def kill(self) -> None:
        """Kill it, and wait until it has ended."""
        self.send(signal.SIGKILL)
        while not self.has_ended():
            time.sleep(POLL_INTERVAL)


def start_fork(
    main: Main, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: Path
) -> Process:
    """Start `main` in a fork of this process.

    Args:
        main: the function to run; raises SystemExit.
        arguments: its arguments.
        folder: its working folder.
        environment: its whole environment.
        output: the file for its output, which is appended.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Process(pid=pid, output=output)
    code = UNCAUGHT
    try:
        _become(folder, environment, output)
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else UNCAUGHT if end.code else 0
    except BaseException:  # noqa: BLE001 - printed as Python does, and the fork must never return
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)


def _become(folder: Path, environment: Mapping[str, str], output: Path) -> None:
    """Turn a fork into what a shell would start."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    written = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    os.closerange(3, HIGHEST_DESCRIPTOR)
    random.seed()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def start_python(
    module: str, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: Path
) -> Process:
    """Start a module as a new Python process; the arguments are those of `start_fork`.

    SIGINT is blocked until the module unblocks it: before, it would test how Python starts, not how a command stops.
    """
    with _sigint_blocked(), output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(Path(__file__).parent.parent)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # We wait by process ID, so Popen must neither wait nor warn that the process is still running.
    process.returncode = 0
    return Process(pid=process.pid, output=output)


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT here, and in processes started inside the block until they unblock it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
