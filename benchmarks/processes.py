"""Starts servers as processes and measures them, for the other benchmarks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: API credentials of the sandboxes.
KEY, SECRET = "benchmark", "benchmark"


@contextmanager
def served(
    command: Iterable[str | Path], *, core: int | None = None
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Start a command with the option `--port`, and yield its process and its port once it serves.

    Args:
        command: the command and its options.
        core: the only core that it may use; set at once, since threads inherit it when they start.
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
    raise SystemExit("The server exited at once.")


@contextmanager
def sandbox(
    *, time_scale: float = 0.001, rate_limit: int = 0, core: int | None = None, options: Iterable[str] = ()
) -> Iterator[tuple[str, int]]:
    """Start a sandbox with a large balance, and yield its address and its process ID.

    Args:
        time_scale: factor of the documented delays.
        rate_limit: requests per second, 0 for no limit.
        core: see `served`.
        options: more options of the command.
    """
    command: list[str | Path] = [
        Path(sys.executable).with_name("bulk-topup"), "sandbox", "--rate-limit", str(rate_limit),
        "--time-scale", str(time_scale), "--balance", "USD=1000000000", "--api-key", KEY, "--api-secret", SECRET,
        *options,
    ]  # fmt: skip
    with served(command, core=core) as (process, port):
        yield f"http://127.0.0.1:{port}/v1", process.pid


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_memory(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")
