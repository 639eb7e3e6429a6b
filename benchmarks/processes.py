"""Servers as processes of their own, for the benchmarks beside this module."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(
    command: Iterable[str | Path], *, core: int | None = None
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Start a command that takes `--port`, and give its process and its port as soon as it serves.

    Args:
        command: the command and its options.
        core: the one core that it may use; set at once, as threads inherit it only when they start.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        _wait_for(port, process)
        yield process, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit("The server ended at once.")
