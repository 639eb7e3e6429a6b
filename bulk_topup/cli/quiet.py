"""Suppresses the output of a command unless it ends with a new problem: cron mails whatever is printed."""

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TextIO

import click

from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.report_files import not_completed_name
from bulk_topup.domain.run import Run
from bulk_topup.errors import RunLockedError
from bulk_topup.ledger import run_file
from bulk_topup.system.files import atomic_write, sha256_of


@dataclass(frozen=True, kw_only=True, slots=True)
class LastNotice:
    """The last problem of a run that was printed, as a hash in a file beside the ledger."""

    file: Path
    #: A hash of the problem.
    digest: str

    @classmethod
    def of(cls, run: Run, ledger: Path, report: Path, *problem: object) -> "LastNotice":
        """Return the notice of a run's problem: its rows that are not completed, and what else is given.

        Args:
            run: the run.
            ledger: the ledger's file.
            report: the folder of the run's report.
            problem: what belongs to the problem besides the rows, as plain values.
        """
        try:
            digest = sha256_of(report / not_completed_name(run))
        except OSError:
            digest = ""
        text = json.dumps([digest, *problem])
        file = run_file(ledger, run.job, run.run_key, "told")
        return cls(file=file, digest=hashlib.sha256(text.encode()).hexdigest())

    def is_repeated(self) -> bool:
        """Return True if an earlier invocation printed the same problem."""
        try:
            return self.file.read_text(encoding="utf-8") == self.digest
        except (OSError, ValueError):
            return False

    def save(self) -> None:
        """Save that the problem was printed; if it can't be saved, the problem is printed again next time."""
        with suppress(OSError), atomic_write(self.file) as temporary:
            temporary.write_text(self.digest, encoding="utf-8")

    def clear(self) -> None:
        """Delete the file: the run is completed, and a later problem would be new."""
        with suppress(OSError):
            self.file.unlink(missing_ok=True)


class RunExit(click.exceptions.Exit):
    """Ends an invocation with the exit code of its run.

    Args:
        code: the exit code.
        notice: the run's problem.
        is_news: whether this invocation changed something, so that its output is new even if the problem is not.
    """

    def __init__(self, code: int, notice: LastNotice, *, is_news: bool) -> None:
        super().__init__(code)
        self.notice = notice
        self.is_news = is_news

    def is_repeated(self) -> bool:
        """Return True if an earlier invocation printed all of it."""
        return not self.is_news and self.notice.is_repeated()

    def save(self) -> None:
        """Save what was printed."""
        if self.exit_code == ExitCode.ALL_COMPLETED:
            self.notice.clear()
        else:
            self.notice.save()


@contextmanager
def suppress_output(is_quiet: bool) -> Iterator[None]:
    """Keep back the output of the block, and write it to standard error only if the block ends with a new problem.

    A problem is printed once. A run that another process works on is no problem.

    Args:
        is_quiet: False to print everything as usual.
    """
    # JSON comes as bytes, and a file's name may not be valid text.
    output = TextIOWrapper(BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
    is_silent = not is_quiet
    try:
        with _redirect_to(output) if is_quiet else nullcontext():
            yield
    except click.exceptions.Exit as end:
        run_exit = end if isinstance(end, RunExit) else None
        # Not by the exit code: a port in use has that of a locked run, and then no process pays the list.
        is_expected = end.exit_code == ExitCode.ALL_COMPLETED or isinstance(end.__cause__, RunLockedError)
        is_silent = is_silent or is_expected or (run_exit is not None and run_exit.is_repeated())
        _release(output, is_silent)
        if run_exit is not None:
            run_exit.save()
        raise
    except BaseException:
        _release(output, is_silent)
        raise


@contextmanager
def _redirect_to(output: TextIO) -> Iterator[None]:
    with redirect_stdout(output), redirect_stderr(output):
        yield


def _release(output: TextIO, is_silent: bool) -> None:
    if not is_silent:
        output.seek(0)
        sys.stderr.write(output.read())
        sys.stderr.flush()
