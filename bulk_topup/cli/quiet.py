"""Keeps back what a command prints, and gives it to standard error when there is trouble: cron mails only that."""

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
    """What was told of a run last, in a file beside the ledger; any other trouble is told anew."""

    file: Path
    #: A hash of the trouble.
    digest: str

    @classmethod
    def of(cls, run: Run, ledger: Path, report: Path, *trouble: object) -> "LastNotice":
        """Give the mark of the trouble that a run ended in: its rows that did not complete, and what is named here.

        Args:
            run: the run.
            ledger: the ledger's file.
            report: the folder of the run's report.
            trouble: what is told beside the rows, as plain values.
        """
        try:
            digest = sha256_of(report / not_completed_name(run))
        except OSError:
            digest = ""
        text = json.dumps([digest, *trouble])
        file = run_file(ledger, run.job, run.run_key, "told")
        return cls(file=file, digest=hashlib.sha256(text.encode()).hexdigest())

    def is_told(self) -> bool:
        """Tell whether an earlier start has told of just this."""
        try:
            return self.file.read_text(encoding="utf-8") == self.digest
        except (OSError, ValueError):
            return False

    def keep(self) -> None:
        """Keep that this was told; where it cannot be kept it is told again."""
        with suppress(OSError), atomic_write(self.file) as temporary:
            temporary.write_text(self.digest, encoding="utf-8")

    def clear(self) -> None:
        """Forget what was told: all is well now, and the same trouble would be a new one."""
        with suppress(OSError):
            self.file.unlink(missing_ok=True)


class RunExit(click.exceptions.Exit):
    """Ends a start with the code of what became of its run.

    Args:
        code: the exit code.
        mark: what there is to tell.
        is_news: whether this start did something that nobody has been told of, even if it ended as the last one did.
    """

    def __init__(self, code: int, mark: LastNotice, *, is_news: bool) -> None:
        super().__init__(code)
        self.mark = mark
        self.is_news = is_news

    def is_told(self) -> bool:
        """Tell whether there is nothing to tell that an earlier start has not told of."""
        return not self.is_news and self.mark.is_told()

    def settle(self) -> None:
        """Keep in mind what was told."""
        if self.exit_code == ExitCode.ALL_COMPLETED:
            self.mark.clear()
        else:
            self.mark.keep()


@contextmanager
def suppress_output(is_quiet: bool) -> Iterator[None]:
    """Print nothing while the block lasts, if so asked; afterwards all of it to standard error, unless all was well.

    Trouble that was told of before is not told again. A run that another process holds is being looked after, so a
    start that is one too many says nothing either.
    """
    # JSON comes as bytes, and a file's name may hold what is no text.
    kept = TextIOWrapper(BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
    is_well = not is_quiet
    try:
        with _into(kept) if is_quiet else nullcontext():
            yield
    except click.exceptions.Exit as end:
        ended = end if isinstance(end, RunExit) else None
        # Not by the exit code: a port in use has that of a locked run, and nobody else pays the list then.
        is_expected = end.exit_code == ExitCode.ALL_COMPLETED or isinstance(end.__cause__, RunLockedError)
        is_well = is_well or is_expected or (ended is not None and ended.is_told())
        _tell(kept, is_well)
        if ended is not None:
            ended.settle()
        raise
    except BaseException:
        _tell(kept, is_well)
        raise


@contextmanager
def _into(kept: TextIO) -> Iterator[None]:
    with redirect_stdout(kept), redirect_stderr(kept):
        yield


def _tell(kept: TextIO, is_well: bool) -> None:
    if not is_well:
        kept.seek(0)
        sys.stderr.write(kept.read())
        sys.stderr.flush()
