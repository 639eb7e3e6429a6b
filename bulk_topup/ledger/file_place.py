"""Whether the ledger's path still names the open file, whether others do too, and whose it is; opens nothing."""

import os
import pwd
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bulk_topup.errors import LedgerError


@dataclass(frozen=True, slots=True)
class FilePlace:
    """The path under which a file was opened, and which file that was."""

    path: Path
    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the place of a file that has just been opened; a later change of the working folder is no matter."""
        found = path.stat()
        return cls(path.absolute(), found.st_dev, found.st_ino)

    def change(self) -> str:
        """Return what happened to the file, as the end of "The ledger was …"; empty while its path names it.

        The file itself is not opened, since closing it would release the locks that SQLite holds on it.
        """
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return "removed or moved"
        except OSError as error:
            return f"made unreachable ({error.strerror})"
        return "" if (found.st_dev, found.st_ino) == (self.device, self.inode) else "replaced by another file"


def check_one_name(path: Path) -> None:
    """Raise LedgerError if the file has another name: SQLite keeps its log by name, so each would hide others' rows.

    Args:
        path: a file that exists.
    """
    names = path.stat().st_nlink
    if names > 1:
        raise LedgerError(
            f"The ledger {path} has {names} names (hard links). A process that uses another name does not see what "
            "this one writes. Nothing was sent. Find the others with "
            f"`find / -samefile {shlex.quote(str(path.absolute()))}`, end the processes that use them, and remove "
            f'them. A copy is made with `sqlite3 {shlex.quote(str(path))} ".backup copy.db"`, not with a link.'
        )


def check_owner(*paths: Path) -> None:
    """Raise LedgerError if another user owns a file: what one user creates beside it would lock the other out.

    Args:
        paths: files; of one that does not exist, its folder must not be another user's if this process is root's.
    """
    user = os.geteuid()
    for path in paths:
        try:
            owner, what = path.stat().st_uid, path
        except FileNotFoundError:
            # Only root can write to anybody's folder; others share it on purpose.
            if user != 0 or not path.parent.exists():
                continue
            owner, what = path.parent.stat().st_uid, path.parent
        except OSError:  # its next use has an error that says why
            continue
        if owner != user:
            name = _user_name(owner)
            raise LedgerError(
                f"{what} belongs to {name}, and this is {_user_name(user)}, whose files {name} could not use. Nothing "
                f"was sent. Run as {name}, for example with `sudo -u {name} …`, change the owner of all files of the "
                "ledger with `chown`, or choose another ledger with --ledger."
            )


def _user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
