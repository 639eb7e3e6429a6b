"""Opens, checks and stages a job's list, with the identities of its run; sends no payment."""

from dataclasses import dataclass, replace
from pathlib import Path

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.list_of_run import check_can_be_added, columns_in_run, hidden_columns
from bulk_topup.app.open_list import open_job_list, open_job_table
from bulk_topup.app.paid_elsewhere import Answer, Elsewhere, ask_elsewhere, find_elsewhere, is_to_be_asked
from bulk_topup.app.prepare import Prepared, prepare
from bulk_topup.app.reading_version import check_not_read_otherwise
from bulk_topup.app.run_ids import choose_ids
from bulk_topup.domain.earlier_payments import Comparison
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.identity_version import NEWEST, IdentityVersion, RunIds
from bulk_topup.domain.run import READING_VERSION, Run
from bulk_topup.dvs import AsyncDVS
from bulk_topup.errors import ListError
from bulk_topup.intake import ListReader, Table
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.plan import NumberPolicy
from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import both


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedList:
    """A job's list, open, checked and staged."""

    #: The list with corrections and without the rows that filters leave out.
    table: Table
    reader: ListReader
    #: The names of its columns in its run.
    columns: tuple[str, ...]
    prepared: Prepared
    #: What the external IDs of its rows are computed from.
    ids: RunIds
    #: What DVS has for some beneficiaries of a new run that another ledger paid today.
    elsewhere: Elsewhere


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStager:
    """Stages a job's list: what of it is the same for every version of identities."""

    job: Job
    #: The job's run; None for a new one.
    run: Run | None
    dvs: AsyncDVS
    #: Asks for products, and for the operators of numbers.
    catalogue: Catalogue
    #: An open ledger, where rows are staged.
    ledger: LedgerStore
    #: Where the run pays; production refuses numbers that others only note.
    environment: Environment
    #: A not-completed file of the run with corrected rows; None without corrections.
    corrections: Path | None = None
    #: The other runs whose payments the rows must not repeat; None for none.
    comparison: Comparison | None = None
    #: Whether DVS is asked for amounts; rows that are rebuilt take those of their transactions.
    asks_bills: bool = True
    #: How the list is read, see `READING_VERSION`; None for the run's own, or that of new runs.
    reading_version: int | None = None

    @property
    def adds(self) -> bool:
        """Whether the list is added to its run."""
        return self.comparison is not None and self.comparison.add

    async def stage(self, version: IdentityVersion) -> tuple[Table, ListReader, Prepared]:
        """Open, check and stage the list, with identities of a version.

        Raises:
            ListError, MappingError: the list cannot be read or mapped.
            RunNotFoundError: there are corrections or rows to add, and no run that these could belong to.
            DVSError: products or balances cannot be fetched.
        """
        job, run, ledger = self.job, self.run, self.ledger
        if self.adds:
            check_can_be_added(job, run)
            if self.corrections is not None:
                raise ListError("Corrections are of a list that the run has. Give them without --add.")
        opened = open_job_table(job, run, ledger, self.corrections, self.reading_version)
        table = opened.table
        reading_version = self.reading_version
        if reading_version is None:
            reading_version = READING_VERSION if run is None else run.reading_version
        reader = open_job_list(job, table, reading_version)
        columns_in_run(job, run, tuple(reader.columns), add=self.adds)
        numbers = NumberPolicy(
            refuses=self.environment is Environment.PRODUCTION,
            accepted=ledger.accepted_numbers.all().union(job.accept_number_plan),
            find_sent=lambda sought: set() if run is None else ledger.rows.sent_to(run, sought),
        )
        options = replace(job.plan_options, numbers=numbers, identity_version=version, asks_bills=self.asks_bills)
        prepared = await prepare(
            reader=reader,
            dvs=self.dvs,
            catalogue=self.catalogue,
            ledger=ledger,
            run=run,
            options=options,
            guards=job.guards,
            auto_product=job.auto_product,
            comparison=self.comparison,
            corrected=opened.corrected,
        )
        left_out = dict(table.counts) if isinstance(table, FilteredTable) else {}
        hidden = hidden_columns(job, run, opened.hidden, reader.columns, add=self.adds)
        unseen = replace(opened.unseen, columns=hidden)
        outside = reader.outside_rows
        return table, reader, replace(prepared, left_out=left_out, unseen=unseen, outside=outside)


async def prepare_job(stager: JobStager, *, clock: Clock, is_rebuilt: bool = False) -> PlannedList:
    """Open, check and stage a job's list with the identities that its run has, or that a new run gets.

    Args:
        stager: the list, and where it is staged.
        clock: the source of time.
        is_rebuilt: whether every row is looked up under all IDs before anything is sent.

    Raises:
        ListError, MappingError: the list cannot be read or mapped.
        RunNotFoundError: there are corrections or rows to add, and no run that these could belong to.
        OtherReadingError: only a rebuild can tell which columns the run read.
        SeveralVersionsError: only a rebuild can tell which rows DVS has.
        NotComparedError: DVS's transactions cannot be read.
        DVSError: products or balances cannot be fetched.
    """
    run = stager.run
    version = NEWEST if run is None else run.identity_version
    table, reader, prepared = await stager.stage(version)
    if run is None and not is_rebuilt:
        await check_not_read_otherwise(stager.job, table, reader, stager.dvs)
    choosing = choose_ids(stager.job, run, dvs=stager.dvs, ledger=stager.ledger, now=clock.now(), is_rebuilt=is_rebuilt)
    asks = not is_rebuilt and stager.environment is not Environment.SANDBOX and is_to_be_asked(run, stager.ledger)
    ids, answers = await both(choosing, _ask_elsewhere(stager, prepared, asks=asks))
    if ids.version is not version:
        table, reader, prepared = await stager.stage(ids.version)
        answers = await _ask_elsewhere(stager, prepared, asks=asks)  # its rows have other identities
    elsewhere = find_elsewhere(stager.job, ids, answers, stager.ledger)
    columns = columns_in_run(stager.job, run, tuple(reader.columns), add=stager.adds)
    return PlannedList(table=table, reader=reader, columns=columns, prepared=prepared, ids=ids, elsewhere=elsewhere)


async def _ask_elsewhere(stager: JobStager, prepared: Prepared, *, asks: bool) -> list[Answer]:
    return (
        await ask_elsewhere(dvs=stager.dvs, ledger=stager.ledger)
        if asks and prepared.difference.new + prepared.difference.waiting
        else []
    )
