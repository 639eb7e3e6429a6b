"""Files that hold personal data: created for their owner only, and replaced whole or not at all."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from tempfile import mkstemp

OWNER_ONLY = 0o600
#: The same for folders, which are entered.
OWNER_ENTERS = 0o700
#: Hexadecimal digits that tell apart texts which give the same name.
NAME_HASH_LENGTH = 8
#: Bytes of a text that stand in a name as they are: a few of them fit into the 255 that a file system takes.
NAME_BYTES = 80
#: Names in a folder that are compared with one that is not there, and how much alike two names are.
_NAMES_LOOKED_AT = 1_000
_NEARLY = 0.7


def file_name(*parts: str) -> str:
    """Join texts to a name that every file system takes.

    A text that cannot stand in a name as it is, or is long, is cut and gets a hash of it at its end, so that two texts
    never share a file.
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
    """Give what an error says beside that a file is missing: `; do you mean`, and one beside it; nothing for none."""
    try:
        names = [each.name for each in islice(path.parent.iterdir(), _NAMES_LOOKED_AT)]
    except OSError:
        return ""
    near = get_close_matches(path.name, names, n=1, cutoff=_NEARLY)
    return f"; do you mean {path.with_name(near[0])}?" if near else ""


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read and write; one that exists is given that mode.

    Raises:
        OSError: the folder cannot be written to, or the file belongs to somebody else.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, OWNER_ONLY)
    os.close(descriptor)
    path.chmod(OWNER_ONLY)


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter, and so each one above it that is missing; one that exists stays.

    Raises:
        OSError: it cannot be made.
    """
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=OWNER_ENTERS, exist_ok=True)


def create_whole(path: Path, content: bytes) -> None:
    """Create a private file with its content in one step, and on disk; one that exists is left as it is.

    Raises:
        OSError: the folder cannot be written to.
    """
    descriptor, temporary = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # private from the start
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
        sync_folder(path.parent)
    finally:
        Path(temporary).unlink()


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a private temporary path beside `path`; on success it takes the place of `path` in one step.

    When the block raises, `path` is left as it was and the temporary file is removed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    _clear_left_behind(path)
    # Whatever stands there already, a link that was planted to another file included, is taken away and not followed.
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY, OWNER_ONLY))
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _clear_left_behind(path: Path) -> None:
    """Remove what processes that died had begun to write in the place of a file: it holds personal data too."""
    begun = re.compile(rf"\.{re.escape(path.name)}\.([0-9]+)\.part")
    for other in path.parent.iterdir():
        if (match := begun.fullmatch(other.name)) and not _is_alive(int(match[1])):
            other.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def sync_folder(path: Path) -> None:
    """Put a new name on disk, not only the file that it names; some file systems see to that by themselves."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
