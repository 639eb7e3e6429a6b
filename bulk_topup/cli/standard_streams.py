"""Standard streams that never fail: what can't be written, or whose reader is gone, is lost and changes nothing else.

A closed descriptor is opened on the null device, so that no file of a run ever gets its number: what a library writes
to standard error would end up in a ledger.

Real time because the reader of a stream has no other.
"""

import errno
import io
import os
import select
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Seconds that the result of a run waits for a reader that stands still.
PATIENCE: Final = 10.0
#: Most bytes written at once: a pipe that can be written at all takes as many.
_PIECE: Final = 4096
#: Milliseconds between checks whether a reader may still be waited for.
_STEP: Final = 100
#: Seconds until the next try where another process was faster.
_PAUSE: Final = 0.001
#: Errors that only say that the reader is gone, which is no loss.
_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET})

_NAMES: Final = ("stdin", "stdout", "stderr")


class LastingStream(io.RawIOBase):
    """Writes to a descriptor; never raises.

    Args:
        descriptor: of the stream; it stays open.
        name: the stream's name in a sentence.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._target = _terminal_of(descriptor)
        self._name = name
        #: Why output was lost; empty while none was, or if nobody is there to read it.
        self.why_lost = ""
        self._is_gone = False

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return True if the stream is a terminal."""
        try:
            return os.isatty(self._descriptor)
        except OSError:
            return False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def write(self, content: "ReadableBuffer", /) -> int:
        """Write all bytes, or lose them; return their number in any case."""
        rest = memoryview(content).cast("B")
        size = len(rest)
        while rest and not self._is_gone:
            try:
                if not self._is_ready():
                    self.why_lost = "its reader stands still"
                    break
                rest = rest[os.write(self._target, rest[:_PIECE]) :]
            except BlockingIOError:  # there was no room after all
                time.sleep(_PAUSE)
            except OSError as error:
                self._is_gone = error.errno in _GONE
                if not self._is_gone:
                    self.why_lost = str(error.strerror)
                break
        return size

    def _is_ready(self) -> bool:
        """Return True once the stream can be written; False if its reader has been waited for long enough."""
        waiting = select.poll()
        waiting.register(self._target, select.POLLOUT)
        started = time.monotonic()
        while not waiting.poll(0):
            patience = 0.0 if self.why_lost else _patience.seconds
            if patience is not None and time.monotonic() - started >= patience:
                return False
            waiting.poll(_STEP)
        return True

    def loss(self) -> str | None:
        """Return the sentence of what was lost, or None."""
        return f"{self._name} is incomplete: {self.why_lost}." if self.why_lost else None


class _Patience:
    """How long the command waits for a reader that stands still."""

    #: Seconds; None for ever, as a pager needs.
    seconds: float | None = None


_patience: Final = _Patience()


def limit_waiting() -> None:
    """Wait `PATIENCE` at most for readers from now on: the command pays, and its results are in ledger and report."""
    _patience.seconds = PATIENCE


@contextmanager
def never_waiting() -> Iterator[None]:
    """Lose output in the block, rather than wait for a reader that stands still."""
    before, _patience.seconds = _patience.seconds, 0.0
    try:
        yield
    finally:
        _patience.seconds = before


def unshared_output() -> TextIO:
    """Return standard output for a thread of its own, which waits for a reader, and has no lock that others need."""
    if not isinstance(getattr(sys.stdout, "buffer", None), LastingStream):
        return sys.stdout
    return _text_stream(io.FileIO(sys.stdout.fileno(), "w", closefd=False), sys.stdout.encoding, write_through=True)


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Make the process's standard streams last from now on; say at the end of the block what could not be written.

    A command that exits with 0 although its results exist nowhere else exits with 75. Streams that the caller has
    replaced are its own, and stay.
    """
    _open_missing()
    _patience.seconds = None
    streams = [
        _replace(number, name, sentence)
        for number, name, sentence in ((1, "stdout", "Standard output"), (2, "stderr", "Standard error"))
        if getattr(sys, name) is getattr(sys, f"__{name}__")
    ]
    try:
        yield
    except SystemExit as end:
        losses = _flush(streams)
        if losses and not end.code and _patience.seconds is None:
            from bulk_topup.domain.exit_codes import ExitCode

            raise SystemExit(int(ExitCode.RESUMABLE)) from None
        raise
    except BaseException:
        _flush(streams)
        raise
    else:
        _flush(streams)


def _flush(streams: Sequence[LastingStream]) -> list[str]:
    """Write what is buffered, and return the sentences of what was lost."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    losses = [sentence for each in streams if (sentence := each.loss())]
    for sentence in losses:
        sys.stderr.write(f"Warning: {sentence}\n")
    sys.stderr.flush()
    return losses


def _replace(number: int, name: str, sentence: str) -> LastingStream:
    found, raw = getattr(sys, name), LastingStream(number, sentence)
    lasting = _text_stream(raw, "utf-8" if found is None else found.encoding)
    lasting.reconfigure(line_buffering=raw.isatty() or name == "stderr")
    setattr(sys, name, lasting)
    return raw


def _text_stream(raw: io.RawIOBase, encoding: str, *, write_through: bool = False) -> io.TextIOWrapper:
    """Return a stream of text that writes every character that its encoding has, and the numbers of others."""
    # Without a buffer between, whose lock a thread that waits would keep until the process ends.
    return io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", write_through=write_through)  # type: ignore[arg-type]


def _terminal_of(descriptor: int) -> int:
    """Return a descriptor of a stream's terminal that never blocks, for this process alone; else the stream's.

    A terminal that says that it can be written blocks all the same if it has not room for everything.
    """
    try:
        return os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # no terminal, or that of another user
        return descriptor


def _open_missing() -> None:
    """Open the null device on each standard descriptor that is closed."""
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if name == "stdin" else os.O_WRONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            if name == "stdin" and sys.stdin is None:
                sys.stdin = open(number, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process
