"""The job that pays a list, with the run key and the list of a day; looks for the list."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from bulk_topup.approvals.approval import ApprovalPolicy
from bulk_topup.domain.answer_ages import AnswerAges, ages_of
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.bills import BillPolicy
from bulk_topup.domain.fields import AMOUNT, PRODUCT_ID, REFERENCE
from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.domain.list_address import is_fetched
from bulk_topup.domain.period import Period
from bulk_topup.domain.run import BARE_LIST
from bulk_topup.domain.run_names import fold_name, is_usable_name
from bulk_topup.dvs.field_limits import E164
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.errors import JobError, ListError
from bulk_topup.intake import Formats, ListSource
from bulk_topup.jobs.base_job import Name, ReportSettings, resolve_folder
from bulk_topup.jobs.date_templates import Template, render_dates
from bulk_topup.jobs.durations import parse_age
from bulk_topup.jobs.fetched_list import FetchedListJob, check_fetched_list, list_file, list_stem
from bulk_topup.jobs.list_pattern import find_matches, is_pattern, list_path
from bulk_topup.jobs.row_settings import RowSettings
from bulk_topup.plan import PlanOptions

#: Most numbers that a job may accept by name.
MAX_ACCEPTED_NUMBERS: Final = 10_000

#: Maximum files that a message names when several match a pattern.
NAMED_FILES: Final = 10

PeriodName = Annotated[str, AfterValidator(lambda name: Period(name).name)]


def _check_e164(number: str) -> str:
    if not re.fullmatch(E164, number):
        raise ValueError(f'"{number}" is not an E.164 number. Write + and 7 to 15 digits.')
    return number


def _check_age(text: str) -> str:
    if parse_age(text) is None:
        raise ValueError(f'"{text}" is not an age. Write 30m, 2h or 1d, or 0.')
    return text


#: How old an answer may be that is used again.
Age = Annotated[str, AfterValidator(_check_age)]
#: A mobile number in E.164 form.
E164Number = Annotated[str, AfterValidator(_check_e164)]


class NoListError(ListError):
    """The list of a job does not exist."""

    def __init__(self, message: str, job: "Job") -> None:
        super().__init__(message)
        #: The job with its dates filled in.
        self.job = job


class Job(FetchedListJob, Guards, RowSettings):
    """A repeatable payout set-up, with its guards."""

    #: First part of the run name; by default the file name without `.toml`.
    name: Name = BARE_LIST
    #: Second part of the run name; a new key is a new run. {today:%Y-%m} is the month in the job's time zone.
    run_key: Template | None = None
    #: Path of the list, relative to the job file; may contain {today} as `run_key` does, and * and ? in its name.
    #: Or its address: https://, s3://, gs:// or sftp://; or "-" for standard input.
    list: Template
    #: XLSX: sheet name; by default the only sheet that has cells.
    sheet: str | None = None
    #: CSV: encoding, e.g. "cp1252", as Excel writes; by default UTF-8, or UTF-16 with a byte order mark.
    encoding: str | None = None
    #: CSV: delimiter; by default detected in the header.
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    #: Column of the list for each DVS field.
    columns: dict[str, str] = Field(default_factory=dict)
    #: Value of a DVS field that is the same for every row.
    constants: dict[str, str] = Field(default_factory=dict)
    #: Product ID of every row; without it the list needs a column `product_id`.
    product: int | None = Field(default=None, ge=1)
    #: "statement" asks DVS what each account owes, and pays that; without it, the list has amounts, or this word as
    #: one.
    amount: Literal["statement"] | None = None
    #: Which bill such a row pays of an account with several: "only" refuses it, "oldest" is due first, "newest" last.
    bill: BillPolicy = BillPolicy.ONLY
    #: How old an answer about what accounts owe may be that is used again, and for how long the amounts may be sent;
    #: by default "1h". "0" asks DVS at each start.
    statement_max_age: Age | None = None
    #: Choose the product of each row by its operator and amount; needs a reference in `columns`.
    auto_product: AutoProduct | None = None
    #: How old answers about products may be that are used again, e.g. "2h"; "0" asks DVS each time; by default "24h".
    #: When rows are sent, those about the list's products are never older than an hour.
    max_age: Age | None = None
    #: How old an answer about the operator of a number may be; by default "30d".
    number_max_age: Age | None = None
    #: ISO 3166-1 alpha-2 country code of mobile numbers that are written without + and calling code.
    default_country: str | None = None
    #: Mobile numbers that are paid although no numbering plan has them, in E.164 form; the ledger keeps them.
    accept_number_plan: tuple[E164Number, ...] = Field(default=(), max_length=MAX_ACCEPTED_NUMBERS)
    #: Decimal mark of amounts that are text; number cells of a workbook have none.
    decimal_mark: Literal[".", ","] = "."
    #: Whether amounts are what the beneficiary receives (DESTINATION_AMOUNT) or what is charged (SOURCE_AMOUNT).
    calculation_mode: CalculationMode = CalculationMode.DESTINATION_AMOUNT
    #: Allow a credit party more than once for the same product.
    allow_duplicates: bool = False
    #: Pay the valid rows even if others are refused.
    skip_refused: bool = False
    #: Approval that is required before anything is sent.
    approval: ApprovalPolicy = ApprovalPolicy()
    #: Period in which a beneficiary is paid the same only once: day, week, month, quarter, year, once, or a span, e.g.
    #: "14d"; by default the shortest gap of the schedule, else what run_key changes by, else once.
    period: PeriodName | None = None
    #: Jobs that pay the same beneficiaries on purpose; their payments are not compared with those of this job.
    beside: tuple[Name, ...] = Field(default=(), max_length=100)
    #: Refuse a list that has exactly the rows of the job's previous run.
    list_must_change: bool = False
    #: What the results of the report have.
    report: ReportSettings = ReportSettings()
    #: Folder the list is moved to once no row is open, relative to the job file; may contain {today}.
    archive: Template | None = None

    #: The run key before `at` filled in its dates.
    _run_key_template: str | None = PrivateAttr(default=None)
    #: The day that `at` was called for.
    _day: date | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _check_list_names_run(self) -> Self:
        check_fetched_list(self.list, self.run_key, self.archive)
        if is_pattern(self.list) and self.run_key is None:
            # With the file name as its key, each further file that matches would be paid as a new run.
            raise ValueError('A list with * or ? needs a run_key. Add one, e.g. "{today:%Y-%m}".')
        return self

    @model_validator(mode="after")
    def _check_duplicates_have_references(self) -> Self:
        if self.filters and self.allow_duplicates and REFERENCE not in self.columns:
            # Without a reference, duplicates are identified by their order, which changes with a filter.
            raise ValueError("A job with filters and allow_duplicates needs a reference. Add its column to [columns].")
        return self

    @model_validator(mode="after")
    def _check_auto_product(self) -> Self:
        if self.auto_product is None:
            return self
        if self.product is not None or PRODUCT_ID in {*self.columns, *self.constants}:
            raise ValueError("A job has auto_product or a product, not both. Remove one of them.")
        if REFERENCE not in self.columns:
            # The next look-up may choose another product, which must not change the identity of the row.
            raise ValueError("A job with auto_product needs a reference. Add its column to [columns].")
        return self

    @model_validator(mode="after")
    def _check_amount(self) -> Self:
        if self.amount is None:
            return self
        if AMOUNT in {*self.columns, *self.constants}:
            raise ValueError("A job has amount or a column or constant of amounts, not both. Remove one of them.")
        if self.auto_product is not None:
            raise ValueError("What an account owes is asked for with its product. Name the product, not auto_product.")
        return self

    @model_validator(mode="after")
    def _check_beside(self) -> Self:
        if fold_name(self.name) in map(fold_name, self.beside):
            raise ValueError("A job can't be beside itself: its own runs are always compared. Remove it from beside.")
        return self

    @model_validator(mode="after")
    def _check_archive_of_pattern(self) -> Self:
        # A pattern of folders could match the archive, and pay the lists there again with the next key.
        if self.archive is not None and is_pattern(str(Path(self.list).parent)):
            raise ValueError("With archive, only the name of the list can have * and ?. Remove them from its folders.")
        return self

    def key_on(self, today: date) -> str:
        """Return the run key of a day; by default the file name of that day's list without its suffix."""
        if self.run_key:
            return render_dates(self.run_key, today)
        return list_stem(render_dates(self.list, today))

    def at(self, today: date, folder: Path) -> Self:
        """Return the job of one run: with dates filled in, its list found, and paths relative to the current folder.

        Args:
            today: the day the run is for, or a time on it in the job's time zone.
            folder: where relative paths start, the folder of the job file.

        Raises:
            JobError: the run key is empty or has invisible characters.
            NoListError: the list does not exist, and it is a pattern or may be in the archive.
            ListError: several files match the pattern.
        """
        list_ = render_dates(self.list, today)
        path = list_path(list_, folder)
        key = self.key_on(today)
        if not is_usable_name(key):
            # Two such keys look the same to a person, who could resume the wrong run.
            raise JobError(
                f"Run key {key[:60]!a} is empty or has invisible characters. "
                "Choose another with --run-key, or fix run_key in the job file."
            )
        archive = resolve_folder(self.archive, today, folder)
        job = super().at(today, folder).model_copy(update={"list": path, "run_key": key, "archive": archive})
        job._run_key_template = self.run_key or list_stem(self.list)  # noqa: SLF001 - the same class
        job._day = today.date() if isinstance(today, datetime) else today  # noqa: SLF001
        job._address = list_ if is_fetched(list_) else None  # noqa: SLF001
        if is_pattern(list_):
            return job.model_copy(update={"list": _only_match(path, job)})
        if job.archive is not None and not Path(path).exists():
            raise NoListError(f"No list at {path}. If its run has ended, look in the archive {job.archive}.", job)
        return job

    @property
    def run_key_template(self) -> str | None:
        """The run key before its dates were filled in, or the list's name; None before `at`."""
        return self._run_key_template

    @property
    def day(self) -> date | None:
        """The day that its dates were filled in for; None before `at`."""
        return self._day

    @property
    def is_bare_list(self) -> bool:
        """Whether it pays a list without a job file; such lists share a job name, but each is a payout of its own."""
        return self.name == BARE_LIST

    @property
    def source(self) -> ListSource:
        """Where the list is, and how to open it; ListError if it has to be fetched."""
        return ListSource(
            path=list_file(self.list, self._copy),
            sheet=self.sheet,
            encoding=self.encoding,
            delimiter=self.delimiter,
            decimal_mark=self.decimal_mark,
            header_row=self.header_row,
        )

    @property
    def formats(self) -> Formats:
        """How the list writes numbers and amounts."""
        return Formats(default_country=self.default_country, decimal_mark=self.decimal_mark)

    @property
    def all_constants(self) -> dict[str, str]:
        """The constants, with the product and the amount among them."""
        product = {} if self.product is None else {PRODUCT_ID: str(self.product)}
        return {**self.constants, **product, **({} if self.amount is None else {AMOUNT: self.amount})}

    @property
    def guards(self) -> Guards:
        """The guards of the job."""
        return Guards.model_validate(self.model_dump(include=set(Guards.model_fields)))

    @property
    def answer_ages(self) -> AnswerAges:
        """How old answers may be that are used again."""
        ages = (self.max_age, self.number_max_age, self.statement_max_age)
        return ages_of(*(None if age is None else parse_age(age) for age in ages))

    @property
    def plan_options(self) -> PlanOptions:
        """How rows are checked and priced."""
        return PlanOptions(
            calculation_mode=self.calculation_mode,
            allow_duplicates=self.allow_duplicates,
            keep_first=self.keep is not None,
            hold=self.mode is Mode.HOLD,
            row_amounts=self.caps.row_amounts,
            bill=self.bill,
        )


def _only_match(pattern: str, job: Job) -> str:
    found = find_matches(pattern)
    if not found:
        raise NoListError(f"No file matches {pattern}. Put the list there, or fix list in the job file.", job)
    if len(found) > 1:
        names = ", ".join(Path(path).name for path in found[:NAMED_FILES])
        more = f" and {len(found) - NAMED_FILES} more" if len(found) > NAMED_FILES else ""
        raise ListError(
            f"{len(found)} files match {pattern}: {names}{more}. A run has one list. "
            "Move the other files away, or use a narrower pattern."
        )
    return found[0]
