"""Damages a ledger between two starts, as disks and people do; touches the files of one ledger."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

#: SQLite's page, in bytes.
PAGE: Final = 4096


class LedgerFiles:
    """The files of a ledger, and an earlier copy of them.

    Args:
        path: the ledger; its folder contains nothing else.
        backup: the folder of the copy.
    """

    def __init__(self, path: Path, backup: Path) -> None:
        self.path = path
        self._backup = backup

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wal")

    def copy_once(self) -> None:
        """Copy the files, unless there is a copy already."""
        if self.path.exists() and not self._backup.exists():
            shutil.copytree(self.path.parent, self._backup)

    def lose(self) -> None:
        """Delete the ledger and its side files."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()

    def damage(self, kind: str, draws: Random) -> None:
        """Damage the ledger, see chaos.plan.DAMAGES; nothing happens if there is no ledger yet."""
        if not self.path.exists():
            return
        match kind:
            case "ledger lost":
                self.lose()
            case "ledger truncated":
                with self.path.open("r+b") as file:
                    file.truncate(int(self.path.stat().st_size * draws.random()))
            case "ledger pages overwritten":
                pages = self.path.stat().st_size // PAGE
                with self.path.open("r+b") as file:
                    for page in draws.sample(range(pages), min(pages, draws.randint(1, 6))):
                        file.seek(page * PAGE)
                        file.write(draws.choice((bytes(PAGE), draws.randbytes(PAGE))))
            case "write-ahead log lost":
                self._log.unlink(missing_ok=True)
            case "old ledger restored":
                self._restore()
            case "half-copied ledger restored":
                self._restore()
                with self.path.open("r+b") as file:
                    file.truncate(int(self.path.stat().st_size * draws.random()))
            case _:
                raise ValueError(f'Unknown damage "{kind}".')

    def _restore(self) -> None:
        if self._backup.exists():
            self.lose()
            shutil.copytree(self._backup, self.path.parent, dirs_exist_ok=True)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Make the folder and its files read-only inside the block."""
        paths = [*self.path.parent.iterdir(), self.path.parent]
        modes = [path.stat().st_mode for path in paths]
        for path in paths:
            path.chmod(0o500 if path.is_dir() else 0o400)
        try:
            yield
        finally:
            for path, mode in zip(paths, modes, strict=True):
                path.chmod(mode)
