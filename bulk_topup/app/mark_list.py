"""Marks the wrong cells of a planned list in a workbook of its own; reads the list, and writes one file."""

from dataclasses import dataclass, replace
from pathlib import Path

from bulk_topup.domain.run import READING_VERSION
from bulk_topup.errors import ListError
from bulk_topup.intake.header_row import open_headed_table
from bulk_topup.jobs.job import Job
from bulk_topup.plan import Plan
from bulk_topup.system.files import sha256_of
from bulk_topup.workbooks.mark import MarkResult, check_marked_file, mark_list


@dataclass(frozen=True, kw_only=True, slots=True)
class Marking:
    """A marked workbook that is wanted: its file may be written, and the list is known as it was before its plan."""

    job: Job
    target: Path
    #: SHA-256 of the list.
    digest: str

    def write(self, plan: Plan) -> MarkResult | None:
        """Write the workbook; None if no row needs a fix.

        Raises:
            ListError: the list cannot be read any more.
            MarkError: the list changed meanwhile, has too many rows, or the file cannot be written.
        """
        if not plan.to_fix:
            return None
        source = self.job.source
        table = open_headed_table(source, self.job.columns, READING_VERSION)
        return mark_list(replace(source, header_row=table.header_line), plan, self.target, digest=self.digest)


def prepare_marking(job: Job, target: Path, *, force: bool) -> Marking:
    """Return a marking of a job's list, before it is planned.

    Args:
        job: the job, its dates rendered.
        target: the file to write.
        force: replace it if it exists.

    Raises:
        ListError: the list cannot be read.
        MarkError: the file must not be written.
    """
    path = job.source.path
    check_marked_file(target, path, force=force)
    try:
        return Marking(job=job, target=target, digest=sha256_of(path))
    except OSError as error:
        raise ListError(f"Can't read {path}: {error.strerror or error}.") from error
