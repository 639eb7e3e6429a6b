"""Standard streams: what can't be written is lost, and neither raises nor blocks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulk_topup.cli.standard_streams import LastingStream, never_waiting


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that nobody reads and that takes no further byte."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_a_reader_that_stands_still_loses_lines_and_stops_nothing(full_pipe: tuple[int, int]) -> None:
    stream = LastingStream(full_pipe[1], "Standard error")
    with never_waiting():
        assert stream.write(b"line\n") == 5
    assert stream.loss() == "Standard error is incomplete: its reader stands still."


def test_a_reader_that_is_slow_gets_all() -> None:
    reading, writing = os.pipe()
    with never_waiting():
        assert LastingStream(writing, "Standard output").write(b"x" * 10_000) == 10_000
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert len(pipe.read()) == 10_000


def test_a_reader_that_left_is_no_loss() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = LastingStream(writing, "Standard output")
    assert stream.write(b"line\n") == 5
    assert stream.loss() is None
    os.close(writing)


def test_a_full_disk_is_named() -> None:
    with Path("/dev/full").open("wb") as full:
        stream = LastingStream(full.fileno(), "Standard output")
        assert stream.write(b"line\n") == 5
    assert stream.loss() == "Standard output is incomplete: No space left on device."


def test_a_terminal_that_nobody_reads_stops_nothing() -> None:
    reading, terminal = os.openpty()
    stream = LastingStream(terminal, "Standard error")
    with never_waiting():
        for _ in range(100):
            stream.write(b"a line of progress\n" * 100)
    assert stream.loss() == "Standard error is incomplete: its reader stands still."
    os.close(reading)
    os.close(terminal)
