"""Servers as processes of their own, for the benchmarks beside this module."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: What the sandboxes take for a key pair.
KEY, SECRET = "benchmark", "benchmark"


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


@contextmanager
def sandbox(*, time_scale: float = 0.001, rate_limit: int = 0, core: int | None = None) -> Iterator[tuple[str, int]]:
    """Start a sandbox whose wallet never runs out, and give its address and its process's id.

    Args:
        time_scale: how long its seconds are.
        rate_limit: requests a second, 0 for any number.
        core: as of `served`.
    """
    command: list[str | Path] = [
        Path(sys.executable).with_name("bulk-topup"), "sandbox", "--rate-limit", str(rate_limit),
        "--time-scale", str(time_scale), "--balance", "USD=1000000000", "--api-key", KEY, "--api-secret", SECRET,
    ]  # fmt: skip
    with served(command, core=core) as (process, port):
        yield f"http://127.0.0.1:{port}/v1", process.pid


def busy(pid: int) -> float:
    """Give the seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Give what a process has in memory, in bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")
