"""Lists of S3, Google Cloud Storage and SFTP, by a file system of fsspec that is in memory."""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from bulk_topup.app.remote_list import chunks
from bulk_topup.app.remote_list.chunks import BoundedFile
from bulk_topup.app.remote_list.fsspec_list import fetch_by_fsspec
from bulk_topup.errors import ConfigurationError, ListError

SECRET = "a-long-password"


class _Bucket(MemoryFileSystem):
    protocol = "s3"
    store: dict[str, object] = {}  # noqa: RUF012 - as its base has it


class _Refusing(_Bucket):
    def info(self, *_: object, **__: object) -> None:
        raise OSError(f"s3://user:{SECRET}@bucket refused")


class _Breaking(_Bucket):
    """Ends early, in a file that does not know its size."""

    def _open(self, path: str, *_: object, **__: object) -> BytesIO:
        return BytesIO(self.cat_file(path)[:-1])


@pytest.fixture
def bucket() -> Iterator[None]:
    """A bucket with one list."""
    fsspec.register_implementation("s3", _Bucket, clobber=True)
    with fsspec.open("s3://bucket/list.csv", "wb") as file:
        file.write(b"phone,amount\n" * 100)
    yield
    _Bucket.store.clear()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BoundedFile]:
    """The file that a list is fetched into."""
    opened = BoundedFile(tmp_path / "list.csv", "the list")
    yield opened
    opened.close()


@pytest.mark.usefixtures("bucket")
def test_a_list_of_a_bucket_is_fetched_whole_into_a_private_file(file: BoundedFile, tmp_path: Path) -> None:
    fetch_by_fsspec("s3://bucket/list.csv", file)
    file.close()
    assert (tmp_path / "list.csv").read_bytes() == b"phone,amount\n" * 100
    assert (tmp_path / "list.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("bucket")
def test_a_list_that_is_too_large_is_refused(file: BoundedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_FETCHED_BYTES", 1_000)
    with pytest.raises(ListError, match="more than 1,000 bytes"):
        fetch_by_fsspec("s3://bucket/list.csv", file)


@pytest.mark.usefixtures("bucket")
def test_a_list_that_ends_early_is_refused(file: BoundedFile) -> None:
    fsspec.register_implementation("s3", _Breaking, clobber=True)
    with pytest.raises(ListError, match="has 1,300 bytes, and 1,299 arrived"):
        fetch_by_fsspec("s3://bucket/list.csv", file)


@pytest.mark.usefixtures("bucket")
def test_a_list_that_is_missing_is_named(file: BoundedFile) -> None:
    with pytest.raises(ListError, match=r"There is no list at s3://bucket/other\.csv"):
        fetch_by_fsspec("s3://bucket/other.csv", file)


def test_the_text_of_a_drivers_error_is_not_shown(file: BoundedFile) -> None:
    fsspec.register_implementation("s3", _Refusing, clobber=True)
    with pytest.raises(ListError, match="OSError") as raised:
        fetch_by_fsspec(f"s3://user:{SECRET}@bucket/list.csv", file)
    assert SECRET not in str(raised.value)


def test_a_missing_extra_is_one_sentence_with_the_command(file: BoundedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'bulk-topup\[remote\]' gcsfs"):
        fetch_by_fsspec("gs://bucket/list.csv", file)
