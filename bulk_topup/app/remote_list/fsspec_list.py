"""Fetches a list from S3, Google Cloud Storage or SFTP through fsspec; reads that file alone."""

from typing import BinaryIO, Final
from urllib.parse import urlsplit

from bulk_topup.app.remote_list.chunks import CHUNK_BYTES, BoundedFile
from bulk_topup.domain.list_address import shown_address
from bulk_topup.errors import ConfigurationError, ListError

#: The driver of fsspec for each scheme.
DRIVERS: Final = {"s3": "s3fs", "gs": "gcsfs", "sftp": "paramiko"}


def fetch_by_fsspec(address: str, file: BoundedFile) -> None:
    """Write the list at an address to a file; credentials are the driver's own, or in the address.

    Raises:
        ConfigurationError: fsspec or its driver is not installed.
        ListError: the list can't be read.
    """
    shown, scheme = shown_address(address), urlsplit(address).scheme
    try:
        from fsspec.core import url_to_fs  # an extra, and most lists are files

        system, path = url_to_fs(address)
    except ImportError:
        raise ConfigurationError(
            f"{scheme}:// needs more packages. Install them with `pip install 'bulk-topup[remote]' {DRIVERS[scheme]}`."
        ) from None
    except Exception as error:  # noqa: BLE001 - each driver has errors of its own
        raise _failed(shown, error) from None
    try:
        # Files of SFTP do not know their size.
        size = system.size(path)
        with system.open(path, "rb") as source:
            _copy(source, size, file, shown)
    except ListError:
        raise
    except Exception as error:  # noqa: BLE001 - each driver has errors of its own
        raise _failed(shown, error) from None


def _copy(source: BinaryIO, size: int | None, file: BoundedFile, shown: str) -> None:
    while chunk := source.read(CHUNK_BYTES):
        file.write(chunk)
    if size is not None and file.size != size:
        raise ListError(f"{shown} has {size:,} bytes, and {file.size:,} arrived. Nothing was sent. Run again.")


def _failed(shown: str, error: Exception) -> ListError:
    """Return the error, without the text of the driver's, which may have credentials."""
    if isinstance(error, FileNotFoundError):
        return ListError(f"There is no list at {shown}. Nothing was sent. Check the address.")
    return ListError(
        f"Can't fetch {shown}: {type(error).__name__}. Nothing was sent. Check the address, the credentials and the "
        "network, then run again."
    )
