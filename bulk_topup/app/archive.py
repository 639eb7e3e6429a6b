"""Moves a list that is paid out of the way, and never over another file; touches the list and the archive's folder."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.errors import JobError
from bulk_topup.system.files import OWNER_ONLY, private_folder, sync_folder

#: Lists of one name that an archive's folder holds.
MAX_OF_A_NAME: Final = 1_000


class ArchiveError(JobError):
    """The list cannot be moved to the archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveResult:
    """What became of the list after its run."""

    #: Where the list is now; None where it stays.
    path: Path | None = None
    #: Why it stays although its run has no open rows; empty where there is nothing to say.
    why_not: str = ""
    #: It stays as it is not what was read, so that a further start has to read it.
    is_changed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFile:
    """A list's file as it was before it was read."""

    path: Path
    folder: Path
    #: See `fingerprint`.
    mark: tuple[int, ...]

    @classmethod
    def look(cls, path: Path, folder: Path) -> "ListFile":
        """Look at a list before it is read, and at the folder of the archive, which is made.

        Raises:
            ArchiveError: the list could not be moved there in one step.
        """
        try:
            private_folder(folder)
            if folder.samefile(path.parent):
                raise ArchiveError(f"The archive {folder} is the list's own folder; name another.")
            if folder.stat().st_dev != path.parent.stat().st_dev:
                raise ArchiveError(f"{folder} is on another disk than {path}; name an archive on the same one.")
            for place in (folder, path.parent):
                if not os.access(place, os.W_OK | os.X_OK):
                    raise ArchiveError(f"{place} cannot be written to, so {path} could not be archived.")
            return cls(path=path, folder=folder, mark=fingerprint(path))
        except OSError as error:
            raise ArchiveError(f"{path} could not be moved to the archive {folder}: {error.strerror}.") from None

    def archive(self) -> ArchiveResult:
        """Move the list, if it still is what was read; a name that is taken gets a number."""
        try:
            if fingerprint(self.path) != self.mark:
                return self._changed()
            try:
                target = self._linked()
            except FileExistsError:
                raise
            except OSError:  # not every file system has links, and nobody makes one of another user's file
                return self._renamed()
            # Another file may have taken the list's place at any moment, and nobody has read that one.
            if fingerprint(target) != self.mark:
                target.unlink()
                return self._changed()
            if not target.samefile(self.path):
                return self._changed()
            self.path.unlink()
            sync_folder(self.folder)
        except OSError as error:
            return ArchiveResult(why_not=f"{self.path} cannot be moved to the archive {self.folder}: {error.strerror}.")
        return ArchiveResult(path=target)

    def _changed(self) -> ArchiveResult:
        why_not = f"{self.path} was changed while the run was on, so it stays; start again."
        return ArchiveResult(why_not=why_not, is_changed=True)

    def _linked(self) -> Path:
        """Give the list its name in the archive; a link is never made over another file."""
        for target in self._names():
            with suppress(FileExistsError):
                target.hardlink_to(self.path)
                return target
            # A start that was killed between the link and the end of the old name has left both.
            if target.samefile(self.path):
                return target
        raise self._full()

    def _renamed(self) -> ArchiveResult:
        """Move the list over an empty file that was made for it."""
        for target in self._names():
            with suppress(FileExistsError):
                target.touch(mode=OWNER_ONLY, exist_ok=False)
                break
        else:
            raise self._full()
        try:
            self.path.rename(target)
        except OSError:
            target.unlink()
            raise
        sync_folder(self.folder)
        if fingerprint(target) != self.mark:
            why_not = f"{self.path} was changed while the run was on, and is {target} now; put it back and start again."
            return ArchiveResult(why_not=why_not, is_changed=True)
        return ArchiveResult(path=target)

    def _names(self) -> Iterator[Path]:
        """Give the names that the list may have in the archive."""
        yield self.folder / self.path.name
        for number in range(2, MAX_OF_A_NAME + 1):
            yield self.folder / f"{self.path.stem}-{number}{self.path.suffix}"

    @staticmethod
    def _full() -> FileExistsError:
        return FileExistsError(errno.EEXIST, f"it has {MAX_OF_A_NAME} lists of this name")


def fingerprint(path: Path) -> tuple[int, ...]:
    """Give what changes when a file is written or replaced: device, inode, size, and when it was written.

    Raises:
        OSError: it is not there.
    """
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
