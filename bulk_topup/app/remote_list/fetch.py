"""Fetches a job's list into a private file beside the ledger, where it lasts as long as the block that uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bulk_topup.app.remote_list.chunks import BoundedFile, in_thread
from bulk_topup.app.remote_list.fsspec_list import fetch_by_fsspec
from bulk_topup.app.remote_list.http_list import fetch_by_http
from bulk_topup.app.remote_list.standard_input import read_standard_input
from bulk_topup.domain.list_address import STANDARD_INPUT, list_name, secrets_of, shown_address
from bulk_topup.domain.list_copy import ListCopy, copies_folder
from bulk_topup.errors import ListError
from bulk_topup.jobs.job import Job
from bulk_topup.security.redaction import register_secret
from bulk_topup.system.files import private_folder, sha256_of
from bulk_topup.system.temporary_files import temporary_file, temporary_folder

#: Seconds that a list at an address may take in all.
FETCH_SECONDS: Final = 900.0
#: The first bytes of a workbook.
_WORKBOOK: Final = b"PK\x03\x04"


@asynccontextmanager
async def fetched_list(job: Job, ledger: Path) -> AsyncIterator[Job]:
    """Yield the job with a copy of its list, which is removed afterwards; a list that is a file stays where it is.

    Args:
        job: the job, its dates rendered.
        ledger: the ledger's file.

    Raises:
        ListError: the list can't be fetched, is too large, or takes too long.
        ConfigurationError: a package is missing.
    """
    if job.address is None:
        yield job
        return
    register_secret(*secrets_of(job.address))
    folder = copies_folder(ledger)
    with ExitStack() as stack:
        try:
            private_folder(folder)
            stack.callback(_remove_if_empty, folder)
            place = stack.enter_context(temporary_folder(stack.enter_context(temporary_file(folder / "fetched"))))
            copy = await _fetch(job.address, place)
        except OSError as error:
            raise ListError(f"Can't save {job.list} in {folder}: {error.strerror}. Nothing was sent.") from error
        yield job.with_copy(copy)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # other runs have copies there
        folder.rmdir()


async def _fetch(address: str, folder: Path) -> ListCopy:
    """Fetch a list to its end.

    Real time because it bounds the wait for another machine.
    """
    shown = shown_address(address)
    path = folder / list_name(address)
    file = BoundedFile(path, "Standard input" if address == STANDARD_INPUT else shown)
    try:
        if address == STANDARD_INPUT:
            await in_thread(partial(read_standard_input, file))
        else:
            async with asyncio.timeout(FETCH_SECONDS):
                if urlsplit(address).scheme in {"https", "http"}:
                    await fetch_by_http(address, file)
                else:
                    await in_thread(partial(fetch_by_fsspec, address, file))
    except TimeoutError:
        raise ListError(f"{shown} was not complete after {FETCH_SECONDS:g} s. Nothing was sent. Run again.") from None
    finally:
        file.close()
    if not path.suffix:
        with path.open("rb") as start:
            suffix = ".xlsx" if start.read(len(_WORKBOOK)) == _WORKBOOK else ".csv"
        path = path.rename(path.with_name(path.name + suffix))
    return ListCopy(path=path, sha256=sha256_of(path))
