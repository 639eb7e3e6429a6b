"""What a job knows of a list that is fetched, from an address or standard input: where, and its copy; pure."""

from pathlib import Path
from typing import Self

from pydantic import PrivateAttr

from bulk_topup.domain.list_address import has_own_name, is_fetched, list_name, shown_address, why_not_fetchable
from bulk_topup.domain.list_copy import ListCopy
from bulk_topup.errors import ListError
from bulk_topup.jobs.base_job import BaseJob
from bulk_topup.jobs.list_pattern import unescape_pattern


class FetchedListJob(BaseJob):
    """A job whose list may be fetched; it has its list's address once its dates are filled in."""

    #: The list's address with its credentials; None for a file.
    _address: str | None = PrivateAttr(default=None)
    #: The copy of the list, if it was fetched.
    _copy: ListCopy | None = PrivateAttr(default=None)

    @property
    def address(self) -> str | None:
        """Where the list is fetched, with its credentials; None for a file, and before `at`."""
        return self._address

    @property
    def copy_of_list(self) -> ListCopy | None:
        """The copy of a list that was fetched; None for a file."""
        return self._copy

    def with_copy(self, copy: ListCopy) -> Self:
        """Return the job with a copy of its list, which is read in place of the list."""
        job = self.model_copy()
        job._copy = copy  # noqa: SLF001 - the same class
        return job


def check_fetched_list(list_: str, run_key: str | None, archive: str | None) -> None:
    """Raise ValueError if a list is to be fetched from where it can't, or does not name its run."""
    if not is_fetched(list_):
        return
    if (reason := why_not_fetchable(list_)) is not None:
        raise ValueError(reason)
    if run_key is None and not has_own_name(list_):
        # Each list that comes this way would continue the same run.
        raise ValueError(
            "Standard input, and an address with a query or without a file name, don't name a run. Add --run-key, or "
            "run_key in the job file."
        )
    if archive is not None:
        raise ValueError("Only a list that is a file can be archived. Remove archive.")


def list_stem(list_: str) -> str:
    """Return the file name of a list without its suffix."""
    return Path(list_name(list_) if is_fetched(list_) else unescape_pattern(list_)).stem


def list_file(list_: str, copy: ListCopy | None) -> Path:
    """Return the file of a list: its copy, if it was fetched.

    Raises:
        ListError: the list is not fetched, or no longer kept.
    """
    if copy is not None:
        return copy.path
    if is_fetched(list_):
        raise ListError(
            f"There is no copy of {shown_address(list_)} here. `bulk-topup run` and `plan` fetch it, and the copy of a "
            "run is kept until it has ended."
        )
    return Path(list_)
