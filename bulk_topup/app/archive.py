"""Moves a paid list to the archive, never over another file; touches the list and the archive folder."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.errors import JobError
from bulk_topup.system.files import OWNER_ONLY, private_folder, sync_folder

#: Most lists of one name in an archive folder.
MAX_OF_A_NAME: Final = 1_000


class ArchiveError(JobError):
    """The list cannot be moved to the archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveResult:
    """The result of moving a list to the archive after its run."""

    #: The list in the archive; None if it was not moved.
    path: Path | None = None
    #: Why it was not moved although its run has no open rows; empty if there is no reason to report.
    why_not: str = ""
    #: Whether the list changed since it was read, so that it has to be run again.
    is_changed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFile:
    """A list's file as it was before it was read."""

    path: Path
    #: The file itself, where the path is a link.
    file: Path
    #: The archive.
    folder: Path
    #: See `fingerprint`.
    fingerprint: tuple[int, ...]

    @classmethod
    def inspect(cls, path: Path, folder: Path) -> "ListFile":
        """Inspect a list before it is read, and create the archive folder.

        Args:
            path: the list.
            folder: the archive.

        Raises:
            ArchiveError: the list cannot be moved there in one step.
        """
        try:
            private_folder(folder)
            file = Path(os.path.realpath(path, strict=True))
            if folder.samefile(path.parent) or folder.samefile(file.parent):
                raise ArchiveError(f"The archive {folder} is the list's own folder. Choose another.")
            if folder.stat().st_dev != file.parent.stat().st_dev:
                raise ArchiveError(f"{folder} is on another disk than {file}. Choose an archive on the same disk.")
            for each in (folder, path.parent, file.parent):
                if not os.access(each, os.W_OK | os.X_OK):
                    raise ArchiveError(f"Can't write to {each}, so {path} can't be archived. Change its mode or owner.")
            return cls(path=path, file=file, folder=folder, fingerprint=fingerprint(path))
        except OSError as error:
            raise ArchiveError(f"Can't move {path} to the archive {folder}: {error.strerror}.") from None

    def archive(self) -> ArchiveResult:
        """Move the list, unless it changed since it was read; a number is added to a name that exists already.

        Of a list that is a link, the file is moved under the link's name, and the link is removed.
        """
        try:
            if fingerprint(self.path) != self.fingerprint:
                return self._changed_result()
            try:
                target = self._link()
            except FileExistsError:
                raise
            except OSError:  # not every file system has links, and another user's file may not be linked
                return self._rename()
            # Another file may have replaced the list at any moment, and that one was not read.
            if fingerprint(target) != self.fingerprint:
                target.unlink()
                return self._changed_result()
            if not target.samefile(self.path):
                return self._changed_result()
            self.file.unlink()
            self._remove_link()
            sync_folder(self.folder)
        except OSError as error:
            return ArchiveResult(why_not=f"Can't move {self.path} to the archive {self.folder}: {error.strerror}.")
        return ArchiveResult(path=target)

    def _changed_result(self) -> ArchiveResult:
        why_not = f"{self.path} changed during the run, so it was not archived. Run again."
        return ArchiveResult(why_not=why_not, is_changed=True)

    def _link(self) -> Path:
        """Link the list into the archive, which never replaces another file, and return the link."""
        for target in self._names():
            with suppress(FileExistsError):
                target.hardlink_to(self.file)
                return target
            # An invocation that was killed between link and unlink has left both names.
            if target.samefile(self.file):
                return target
        raise self._full_error()

    def _rename(self) -> ArchiveResult:
        """Rename the list over an empty file that is created for it, so that it never replaces another file."""
        for target in self._names():
            with suppress(FileExistsError):
                target.touch(mode=OWNER_ONLY, exist_ok=False)
                break
        else:
            raise self._full_error()
        try:
            self.file.rename(target)
        except OSError:
            target.unlink()
            raise
        self._remove_link()
        sync_folder(self.folder)
        if fingerprint(target) != self.fingerprint:
            why_not = f"{self.path} changed during the run, and is now {target}. Move it back, then run again."
            return ArchiveResult(why_not=why_not, is_changed=True)
        return ArchiveResult(path=target)

    def _remove_link(self) -> None:
        if self.path.is_symlink():
            self.path.unlink()

    def _names(self) -> Iterator[Path]:
        """Yield the names that the list may have in the archive."""
        yield self.folder / self.path.name
        for number in range(2, MAX_OF_A_NAME + 1):
            yield self.folder / f"{self.path.stem}-{number}{self.path.suffix}"

    @staticmethod
    def _full_error() -> FileExistsError:
        return FileExistsError(errno.EEXIST, f"it has {MAX_OF_A_NAME} lists of this name")


def fingerprint(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written or replaced: device, inode, size and modification time.

    Raises:
        OSError: there is no such file.
    """
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
