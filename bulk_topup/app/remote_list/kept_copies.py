"""Keeps the copy of a fetched list until its run has ended, and removes it then; writes the folder beside the ledger.

The process that keeps or removes copies of a run has its lock.
"""

import os
from contextlib import suppress
from pathlib import Path

from bulk_topup.domain.list_copy import ListCopy, copies_folder, copies_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import is_open
from bulk_topup.errors import LedgerWriteError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.files import file_name, private_folder, sha256_of, sync_folder


def keep_copy(job: Job, ledger: Path) -> Job:
    """Return the job with a copy of its list that stays, if it was fetched; before its run is written.

    Args:
        job: the job, its list fetched.
        ledger: the ledger's file.

    Raises:
        LedgerWriteError: the copy can't be kept.
    """
    if (copy := job.copy_of_list) is None:
        return job
    kept_as = Path(file_name(job.name, str(job.run_key)), copy.sha256, copy.path.name)
    target = copies_folder(ledger) / kept_as
    try:
        private_folder(target.parent)
        if not target.exists() or sha256_of(target) != copy.sha256:
            with copy.path.open("rb") as file:
                os.fsync(file.fileno())
            copy.path.rename(target)
            for folder in (target.parent, target.parent.parent, copies_folder(ledger), ledger.parent):
                sync_folder(folder)
    except OSError as error:
        raise LedgerWriteError(f"Can't keep the list {job.list} as {target}: {error.strerror}.") from error
    return job.with_copy(ListCopy(path=target, sha256=copy.sha256, kept_as=str(kept_as)))


def discard_copy(job: Job, ledger: LedgerStore) -> None:
    """Remove the copy of a list whose run could not be written, unless a run has it already.

    Args:
        job: the job with the copy that was kept.
        ledger: an open ledger.
    """
    if (copy := job.copy_of_list) is None:
        return
    known = {each.path for run in ledger.runs.all() for each in copies_of(run, ledger.path)}
    if copy.path not in known:
        _remove(copy.path, copies_folder(ledger.path))


def remove_ended_copies(run: Run, ledger: LedgerStore) -> None:
    """Remove the copies of a run's lists if no row of it is open; a list that is a file stays.

    Args:
        run: the run, whose lock this process has.
        ledger: an open ledger.
    """
    if not is_open(ledger.rows.counts(run)):
        remove_copies(run, ledger, kept=())


def remove_older_copies(run: Run, ledger: LedgerStore) -> None:
    """Remove the copies of lists that the run was given before, and no longer has.

    Args:
        run: the run as it was just written, whose lock this process has.
        ledger: an open ledger.
    """
    remove_copies(run, ledger, kept=tuple(copy.path for copy in copies_of(run, ledger.path)))


def remove_copies(run: Run, ledger: LedgerStore, *, kept: tuple[Path, ...] = ()) -> None:
    """Remove the copies in a run's folder, and those that it names, but those that are kept or another run's.

    A run that was renamed has copies in the folder of its first name, which another run may have now.
    """
    folder = copies_folder(ledger.path)
    if not folder.is_dir():
        return
    others = {copy.path for each in ledger.runs.all() if each.id != run.id for copy in copies_of(each, ledger.path)}
    own = [copy.path for copy in copies_of(run, ledger.path)]
    found = [*own, *(folder / file_name(run.job, run.run_key)).glob("*/*")]
    for path in dict.fromkeys(found):
        if path in kept or path in others:
            continue
        _remove(path, folder)


def _remove(path: Path, folder: Path) -> None:
    with suppress(OSError):  # it is gone already
        path.unlink()
    for empty in (path.parent, path.parent.parent, folder):
        with suppress(OSError):  # it has other copies
            empty.rmdir()
