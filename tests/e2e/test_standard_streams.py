"""Standard streams that fail: everybody is paid, the exit code is that of the run, and nothing traces back."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import COMMAND, PATIENCE


@pytest.fixture
def shell(tmp_path: Path, environment: dict[str, str]) -> Any:
    """Return a function that runs a line of a shell, where `topup` is the command."""

    def run(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f'topup() {{ exec {COMMAND} "$@"; }}; {line}'],
            cwd=tmp_path,
            env={**environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def paying(tmp_path: Path, options: tuple[str, ...]) -> str:
    """The command line of a run, whose list has a name that ASCII does not have."""
    rows = "".join(f"1000{row},+6595123{500 + row},5\n" for row in range(10))
    (tmp_path / "prämie.csv").write_text(f"reference,phone,amount\n{rows}")
    return " ".join(("topup run prämie.csv --product 6418 --rate 1000 --poll-interval 0.05", *options))


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ("({}) >/dev/full", {}),
        ("({}) >&- 2>&- <&-", {}),
        ("({}) 2>&1 | true; exit ${{PIPESTATUS[0]}}", {}),
        ("({})", {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}),
    ],
    ids=["full disk", "closed", "readers left", "ASCII"],
)
def test_everybody_is_paid(
    shell: Any, paying: str, line: str, variables: dict[str, str], books: Any, results: Any, agree: Any
) -> None:
    ended = shell(line.format(paying), **variables)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "lost sys.stderr" not in ended.stderr
    agree(results("list-prämie"), books())


def test_no_file_gets_the_number_of_a_closed_stream(shell: Any) -> None:
    opens = (
        "from bulk_topup.cli.standard_streams import lasting_streams as streams;"
        "streams().__enter__(); exit(open('x', 'w').fileno())"
    )
    assert shell(f'({sys.executable} -c "{opens}") <&- >&- 2>&-').returncode > 2


def test_results_that_are_nowhere_else_and_can_not_be_written_are_no_success(shell: Any) -> None:
    ended = shell("(topup --help) >/dev/full")
    assert (ended.returncode, ended.stderr) == (
        75,
        "Warning: Standard output is incomplete: No space left on device.\n",
    )
    assert shell("(topup --help) | true; exit ${PIPESTATUS[0]}").returncode == 0


def test_a_log_that_nobody_reads_stops_neither_payments_nor_sigterm(
    paying: str, environment: dict[str, str], books: Any, wait_until: Any, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    words = paying.replace("topup", str(COMMAND)).replace("--rate 1000", "--rate 5").split()
    process = subprocess.Popen(
        [*words, "--log-json", "-"], cwd=tmp_path, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: len(books()["transactions"]) > 3)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 75
    assert "Warning: The log is incomplete: its disk hangs, or its reader stands still." in errors
    os.close(reading)
    os.close(writing)


def test_a_log_whose_disk_hangs_from_the_start_stops_neither_payments_nor_the_end(
    paying: str, environment: dict[str, str], books: Any, wait_until: Any, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "log.jsonl")  # nobody reads it, so that it can't be opened
    words = paying.replace("topup", str(COMMAND)).replace("--rate 1000", "--rate 5").split()
    process = subprocess.Popen(
        [*words, "--log-json", "log.jsonl"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: len(books()["transactions"]) > 1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 75
    assert "Warning: The log is incomplete: its disk hangs, or its reader stands still." in errors
