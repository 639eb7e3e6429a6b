"""The ledger: one SQLite file that holds runs, rows, attempts and every change of state; touches that file alone.

Every write is a transaction that is on disk when the method returns (WAL, synchronous=FULL). The methods block; a
caller with an event loop runs them in one worker thread.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from bulk_topup.ledger.absences import AbsenceQueries
from bulk_topup.ledger.accepted_numbers import AcceptedNumberQueries
from bulk_topup.ledger.attempts import AttemptQueries
from bulk_topup.ledger.bills import BillQueries
from bulk_topup.ledger.closed_runs import ClosedRunQueries
from bulk_topup.ledger.comparison import ComparisonQueries
from bulk_topup.ledger.conflicts import ConflictQueries
from bulk_topup.ledger.corrections import CorrectionQueries
from bulk_topup.ledger.hints import HintQueries
from bulk_topup.ledger.kept_answers import KeptAnswerQueries
from bulk_topup.ledger.lacking_ids import LackingIdQueries
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.not_the_same import NotTheSameQueries
from bulk_topup.ledger.observations import ObservationQueries
from bulk_topup.ledger.outcomes import OutcomeQueries
from bulk_topup.ledger.possible_ids import PossibleIdQueries
from bulk_topup.ledger.product_choices import ProductChoiceQueries
from bulk_topup.ledger.purge import PurgeQueries
from bulk_topup.ledger.rebuild import RebuildQueries
from bulk_topup.ledger.report_digests import ReportQueries
from bulk_topup.ledger.retries import RetryQueries
from bulk_topup.ledger.rows import RowQueries
from bulk_topup.ledger.runs import RunQueries
from bulk_topup.ledger.spending import SpendingQueries
from bulk_topup.ledger.staged_list import StagingQueries
from bulk_topup.ledger.staged_samples import StagedSampleQueries
from bulk_topup.ledger.unconfirmed import UnconfirmedQueries
from bulk_topup.ledger.unused_ledger import close_unused
from bulk_topup.system.clock import Clock


class LedgerStore:
    """An open ledger: one object for each thing that a caller asks about.

    Args:
        path: the SQLite file; created, readable by its owner only, if it does not exist.
        clock: source of the times of events.
        read_only: only read; works on a full or read-only disk too.

    Raises:
        LedgerError: the file can't be used.
        PinKeyError: PINs that the file holds, or will hold, can't be encrypted.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, read_only: bool = False) -> None:
        self.path = path
        self.file = file = LedgerFile(path, clock=clock, read_only=read_only)
        #: Runs by name, account and time.
        self.runs = RunQueries(file)
        #: Runs that are closed, and open ones that stop others.
        self.closed_runs = ClosedRunQueries(file)
        #: A list on its way into a run: staged, compared, merged.
        self.staging = StagingQueries(file)
        #: Some rows of that list.
        self.staged_samples = StagedSampleQueries(file)
        #: Corrected rows that runs keep.
        self.corrections = CorrectionQueries(file)
        #: Pairs of beneficiaries that a person has found to be different.
        self.not_the_same = NotTheSameQueries(file)
        #: Intents before requests, results after responses, and attempts that are open.
        self.attempts = AttemptQueries(file)
        #: Attempts that wait for proof that DVS has no transaction of theirs.
        self.absences = AbsenceQueries(file)
        #: Callbacks that DVS sent and that were not checked yet.
        self.hints = HintQueries(file)
        #: Failed rows that get a new attempt.
        self.retries = RetryQueries(file)
        #: Transactions that a run in hold mode created and did not confirm yet.
        self.unconfirmed = UnconfirmedQueries(file)
        #: What a run costs, so far and in the end.
        self.spending = SpendingQueries(file)
        #: A run's rows: how many are in each state, their cells, their events.
        self.rows = RowQueries(file)
        #: All rows of a run with their outcomes, in pages or groups.
        self.outcomes = OutcomeQueries(file)
        #: Which report of a run is current.
        self.reports = ReportQueries(file)
        #: Rows in conflict with DVS and rows that differ from the list.
        self.conflicts = ConflictQueries(file)
        #: The attempts of a time window, to compare with the transactions of DVS.
        self.comparison = ComparisonQueries(file)
        #: Wallet balances seen before.
        self.observations = ObservationQueries(file)
        #: Attempts of a lost ledger, written again from the transactions of DVS.
        self.rebuild = RebuildQueries(file)
        #: External IDs under which DVS may have rows of a staged list.
        self.possible_ids = PossibleIdQueries(file)
        #: External IDs of a run that DVS lists and the ledger lacks.
        self.lacking_ids = LackingIdQueries(file)
        #: Products chosen when the list was read before.
        self.product_choices = ProductChoiceQueries(file)
        #: Bills that were asked for and sent.
        self.bills = BillQueries(file)
        #: Answers of DVS that are used again while they are recent.
        self.kept_answers = KeptAnswerQueries(file)
        #: Numbers that are paid although no numbering plan has them.
        self.accepted_numbers = AcceptedNumberQueries(file)
        #: Removal of personal data.
        self.purges = PurgeQueries(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def displacement(self) -> str:
        """Return what happened to the open file, as the end of "The ledger was …"; empty while its path names it.

        It may be called beside the thread that uses the ledger, for each row.
        """
        return self.file.place.change()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def close_unused(self) -> None:
        """Close the file, and remove it if it was created here and nothing was kept in it."""
        close_unused(self.file)
