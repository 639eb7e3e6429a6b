"""Files of secrets: small files, and pipes that end in time."""

import os
from pathlib import Path

import pytest

from bulk_topup.security import secret_file
from bulk_topup.security.secret_file import MAX_SECRET_BYTES, read_secret_file


def test_a_file_and_a_pipe_are_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"secret")
    assert read_secret_file(tmp_path / "key")[0] == b"secret"
    reading, writing = os.pipe()
    os.write(writing, b"secret")
    os.close(writing)
    for _ in range(2):
        assert read_secret_file(Path(f"/dev/fd/{reading}"))[0] == b"secret"
    os.close(reading)


def test_what_is_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"x" * (MAX_SECRET_BYTES + 1))
    with pytest.raises(OSError, match="it has more than 64 kB"):
        read_secret_file(tmp_path / "key")


@pytest.mark.parametrize("is_opened", [True, False])
def test_a_pipe_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_opened: bool) -> None:
    monkeypatch.setattr(secret_file, "SECRET_TIMEOUT", 0.0)
    pipe = tmp_path / "key"
    os.mkfifo(pipe)
    writing = os.open(pipe, os.O_RDWR) if is_opened else None
    with pytest.raises(TimeoutError, match="did not end"):
        read_secret_file(pipe)
    if writing is not None:
        os.close(writing)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/"])
def test_devices_and_folders_are_not_read(path: str) -> None:
    with pytest.raises(OSError, match="neither a file nor a pipe"):
        read_secret_file(Path(path))
