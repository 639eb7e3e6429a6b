"""A ledger whose process dies at one of its commits; nothing is written or sent after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger import ledger as ledger_module
from bulk_topup.ledger.ledger_file import LedgerFile
from chaos.histories.wire import HandClock, Killed, Wire


@dataclass(frozen=True, slots=True)
class Kill:
    """The moment at which a process dies."""

    #: The number of the commit, from 1.
    commit: int
    #: Whether that is on disk then.
    is_committed: bool


class MortalFile(LedgerFile):
    """A ledger's file whose process may die at one of its commits."""

    wire: Wire
    kill: Kill | None = None
    _commits = 0

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Run the block as one transaction, and die before or after its commit if that is its number."""
        if self.wire.is_dead:
            raise Killed
        self._commits += 1
        dies = self.kill is not None and self._commits == self.kill.commit
        if dies and self.kill is not None and not self.kill.is_committed:
            self.wire.is_dead = True
            raise Killed
        with super().transaction() as connection:
            yield connection
        if dies:
            self.wire.is_dead = True
            raise Killed


def open_mortal(path: Path, clock: HandClock, wire: Wire, kill: Kill | None) -> LedgerStore:
    """Open a ledger whose process dies as said; its wire is dead then, too."""
    with patch.object(ledger_module, "LedgerFile", MortalFile):
        ledger = LedgerStore(path, clock=clock)
    if isinstance(ledger.file, MortalFile):
        ledger.file.wire, ledger.file.kill = wire, kill
    return ledger


def is_death(error: BaseException) -> bool:
    """Return True if an error says nothing but that the process is dead."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(Killed)[1] is None
    return isinstance(error, Killed)
