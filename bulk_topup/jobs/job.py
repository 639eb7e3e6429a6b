"""Job definitions: what to pay and how, from a TOML file or from the command line; looks for job files and lists."""

from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bulk_topup.approvals.approval import ApprovalPolicy
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.fields import PRODUCT_ID, REFERENCE
from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.errors import JobError, ListError
from bulk_topup.intake import Formats, ListSource
from bulk_topup.intake.filters import Filter
from bulk_topup.jobs.date_templates import Template, render_dates
from bulk_topup.jobs.list_pattern import escape_pattern, find_matches, is_pattern, unescape_pattern
from bulk_topup.jobs.schedule import Schedule
from bulk_topup.monitoring.notifications import MetricsFile, Notification, PingURL
from bulk_topup.plan import PlanOptions
from bulk_topup.report import DEFAULT_FORMATS, ReportFormat

#: The job name of a list that is started without a job file.
BARE_LIST = "list"


#: Files of several that a pattern matches which a message names.
NAMED_FILES: Final = 10


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it has characters that nobody sees, such as line breaks")
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[^/\x00-\x1f]{1,64}$"), AfterValidator(_printable)]


class NoListError(ListError):
    """The list that a job names is not there."""

    def __init__(self, message: str, job: "Job") -> None:
        super().__init__(message)
        #: The job with its dates filled in.
        self.job = job


class Job(Guards):
    """A definition of repeated work, with what it allows a run to do with money."""

    #: First part of the run's name; by default the file's name without `.toml`.
    name: Name = BARE_LIST
    #: Second part; a new key is a new run, which pays again. {today:%Y-%m} is the month, in the machine's zone.
    run_key: Template | None = None
    #: The list: a path, relative to the job file; dates as in `run_key`; * and ? stand for what may be in a name.
    list: Template
    #: XLSX: which sheet; by default the only one that has cells.
    sheet: str | None = None
    #: CSV: e.g. "latin-1"; by default UTF-8, or UTF-16 by its mark.
    encoding: str | None = None
    #: CSV: what separates cells; by default found in the header.
    delimiter: Literal[",", ";", "\t"] | None = None
    #: The list's column for a field.
    columns: dict[str, str] = Field(default_factory=dict)
    #: The same value for a field in every row.
    constants: dict[str, str] = Field(default_factory=dict)
    #: What rows must meet to be paid; the others are left out, counted and named in a file beside the report.
    filters: tuple[Filter, ...] = ()
    #: The product of every row; without it the list needs a column `product_id`.
    product: int | None = Field(default=None, ge=1)
    #: Choose each row's product by its number's operator and its amount; needs a reference in `columns`.
    auto_product: AutoProduct | None = None
    #: ISO 3166-1 alpha-2 code of the country of numbers that are written without + and country code.
    default_country: str | None = None
    #: What stands before the decimals of an amount.
    decimal_mark: Literal[".", ","] = "."
    #: Whether amounts are what beneficiaries receive or what the sender's side is charged.
    calculation_mode: CalculationMode = CalculationMode.DESTINATION_AMOUNT
    #: Pay a credit party more than once with one product.
    allow_duplicates: bool = False
    #: Pay the accepted rows although others are refused.
    skip_refused: bool = False
    #: Where the money is.
    environment: Environment = Environment.SANDBOX
    #: Requests a second, never to be exceeded; by default what the provider allows.
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    #: Requests on their way at once; by default as many as the allowed rate needs.
    concurrency: int | None = Field(default=None, ge=1, le=1000)
    #: Whose approval a start needs.
    approval: ApprovalPolicy = ApprovalPolicy()
    #: What the report is written as.
    reports: tuple[ReportFormat, ...] = DEFAULT_FORMATS
    #: Where the report goes, relative to the job file; dates as in `run_key`.
    report_folder: Template | None = None
    #: The folder to which the list is moved once none of its rows is open, relative to the job file; dates too.
    archive: Template | None = None
    #: When the job is started by itself.
    schedule: Schedule | None = None
    #: Who is told how starts go, by mail or otherwise.
    notifications: tuple[Notification, ...] = Field(default=(), max_length=50)
    #: A URL that is asked for when a start begins and ends, for a monitor that misses it otherwise; may be ${NAME}.
    ping: PingURL | None = None
    #: A file that ends in .prom with figures for Prometheus, relative to the job file; one for each job.
    metrics: MetricsFile | None = None
    #: A file of JSON lines about what starts do, relative to the job file, or "-" for standard output.
    logs: Annotated[str, Field(min_length=1, max_length=4096)] | None = None

    @model_validator(mode="after")
    def _names_its_run(self) -> Self:
        if is_pattern(self.list) and self.run_key is None:
            # By the file's name, whichever file matches next would be paid as a run of its own.
            raise ValueError('a list with * or ? needs a run_key, which says what is one run, e.g. "{today:%Y-%m}"')
        return self

    @model_validator(mode="after")
    def _tells_its_rows_apart(self) -> Self:
        if self.filters and self.allow_duplicates and REFERENCE not in self.columns:
            # Equal rows are told apart by their order, which changes with a filter.
            raise ValueError(
                "with filters and allow_duplicates only a reference tells equal rows apart; "
                "state which column has it in [columns]"
            )
        return self

    @model_validator(mode="after")
    def _chooses_products_safely(self) -> Self:
        if self.auto_product is None:
            return self
        if self.product is not None or PRODUCT_ID in {*self.columns, *self.constants}:
            raise ValueError("a product is stated or chosen by auto_product, not both")
        if REFERENCE not in self.columns:
            # A look-up may come out otherwise the next time, and no row may become another one by that.
            raise ValueError(
                "with auto_product only a reference says who a row is; state which column has it in [columns]"
            )
        return self

    @model_validator(mode="after")
    def _finds_no_archived_list(self) -> Self:
        """A pattern of folders could match the archive, and pay what lies there again under the next key."""
        if self.archive is not None and is_pattern(str(Path(self.list).parent)):
            raise ValueError("a list that is archived may have * and ? in its name only, not in its folders")
        return self

    def key_on(self, today: date) -> str:
        """Give the run key of a day, see `at`; by default the name of that day's list without its ending."""
        return (
            render_dates(self.run_key, today)
            if self.run_key
            else Path(unescape_pattern(render_dates(self.list, today))).stem
        )

    def at(self, today: date, folder: Path) -> Self:
        """Fill in dates, find the list, and make paths absolute or relative to here.

        Args:
            today: the day that the start is for, or a time on it, which is taken as the calendar of its zone shows it.
            folder: where relative paths begin.

        Raises:
            JobError: the run key that comes out is blank, or is not all to be seen.
            NoListError: the list is not there, where it is a pattern or may have been archived.
            ListError: several files match the pattern.
        """
        list_ = render_dates(self.list, today)
        pattern = str(Path(escape_pattern(str(folder))) / list_)
        list_path = pattern if is_pattern(list_) else unescape_pattern(pattern)
        key = self.key_on(today)
        if not key.strip() or not key.isprintable():
            # A key that nobody can tell from another one begins no run: it would resume somebody else's.
            raise JobError(
                f"The run key {key[:60]!a} is blank or has characters that nobody sees; "
                "name another with --run-key, or correct run_key in the job file."
            )
        paths = {
            name: str(folder / render_dates(template, today))
            for name in ("report_folder", "archive")
            if (template := getattr(self, name)) is not None
        }
        job = self.model_copy(update={"list": list_path, "run_key": key, **paths})
        if is_pattern(list_):
            return job.model_copy(update={"list": _only_match(list_path, job)})
        if job.archive is not None and not Path(list_path).exists():
            raise NoListError(
                f"{list_path} is not there; if its run has ended, it is in the archive {job.archive}.", job
            )
        return job

    @property
    def source(self) -> ListSource:
        """How the list is opened."""
        return ListSource(path=Path(self.list), sheet=self.sheet, encoding=self.encoding, delimiter=self.delimiter)

    @property
    def formats(self) -> Formats:
        """How the list's cells are written."""
        return Formats(default_country=self.default_country, decimal_mark=self.decimal_mark)

    @property
    def all_constants(self) -> dict[str, str]:
        """The constants, with the product among them."""
        product = {} if self.product is None else {"product_id": str(self.product)}
        return {**self.constants, **product}

    @property
    def guards(self) -> Guards:
        """What the job allows a run to do with money."""
        return Guards.model_validate(self.model_dump(include=set(Guards.model_fields)))

    @property
    def plan_options(self) -> PlanOptions:
        """How the list is meant."""
        return PlanOptions(
            calculation_mode=self.calculation_mode,
            allow_duplicates=self.allow_duplicates,
            hold=self.mode is Mode.HOLD,
            row_amounts=self.caps.row_amounts,
        )


def _only_match(pattern: str, job: Job) -> str:
    found = find_matches(pattern)
    if not found:
        raise NoListError(f"No file matches {pattern}; put the list there, or correct the job's list.", job)
    if len(found) > 1:
        names = ", ".join(Path(path).name for path in found[:NAMED_FILES])
        more = f" and {len(found) - NAMED_FILES} more" if len(found) > NAMED_FILES else ""
        raise ListError(
            f"{len(found)} files match {pattern}, and a run has one list: {names}{more}. "
            "Move away those that are not meant, or state a narrower pattern."
        )
    return found[0]
