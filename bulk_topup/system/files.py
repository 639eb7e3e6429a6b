"""Create files with personal data for their owner only, and replace files whole or not at all; touches files."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from bulk_topup.system.temporary_files import temporary_file

OWNER_ONLY = 0o600
#: The same for folders.
OWNER_ENTERS = 0o700
#: Hexadecimal digits that distinguish texts with the same name.
NAME_HASH_LENGTH = 8
#: Bytes of a text that a name keeps: several fit into the 255 that file systems allow.
NAME_BYTES = 80
#: Names in a folder that are compared with a missing one, and the least similarity.
_MAX_NAMES = 1_000
_SIMILARITY = 0.7


def file_name(*parts: str) -> str:
    """Join texts to a file name that every file system allows.

    A text with other characters, or a long one, is shortened and ends with its hash, so that two texts never share a
    file.
    """
    return "-".join(map(_name_part, parts))


def _name_part(text: str) -> str:
    name = re.sub(r"[^\w.-]+", "-", text).strip(".-")
    encoded = name.encode(errors="surrogatepass")
    if name == text and len(encoded) <= NAME_BYTES:
        return name
    name = encoded[:NAME_BYTES].decode(errors="ignore").strip(".-")
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{name or 'run'}-{digest[:NAME_HASH_LENGTH]}"


def similar_to(path: Path) -> str:
    """Return a sentence with a similar name in the same folder, with a space before it; empty if there is none."""
    try:
        names = [each.name for each in islice(path.parent.iterdir(), _MAX_NAMES)]
    except OSError:
        return ""
    near = get_close_matches(path.name, names, n=1, cutoff=_SIMILARITY)
    return f" Did you mean {path.with_name(near[0])}?" if near else ""


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read and write; an existing one gets that mode.

    Raises:
        OSError: the folder can't be written, or the file has another owner.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, OWNER_ONLY)
    os.close(descriptor)
    path.chmod(OWNER_ONLY)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def private_folder(path: Path) -> None:
    """Create a folder, and each missing one above it, that only its owner can enter; an existing one stays as it is.

    Raises:
        OSError: it can't be created.
    """
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=OWNER_ENTERS, exist_ok=True)


def create_whole(path: Path, content: bytes) -> None:
    """Create a private file with its content in one step, synced to disk; an existing one stays as it is.

    Raises:
        OSError: the folder can't be written.
    """
    with temporary_file(path) as temporary:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
        sync_folder(path.parent)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a private temporary path beside `path`; on success it replaces `path` in one step.

    If the block raises, `path` stays as it was and the temporary file is removed.
    """
    with temporary_file(path) as temporary:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Sync a folder to disk, so that a new name in it survives a power loss; some file systems need no sync."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
