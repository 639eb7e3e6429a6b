"""Job definitions: what to pay and how, from a TOML file or from the command line; touches only the job file."""

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from bulk_topup.approvals import ApprovalPolicy
from bulk_topup.dvs.models import CalculationMode
from bulk_topup.environments import Environment
from bulk_topup.errors import JobError
from bulk_topup.files import similar_to
from bulk_topup.guards import Guards, Mode
from bulk_topup.intake import Formats, ListSource
from bulk_topup.plan import PlanOptions
from bulk_topup.report import DEFAULT_FORMATS, ReportFormat

#: The job name of a list that is started without a job file.
BARE_LIST = "list"

#: Bytes of a job file that are read; one has a few hundred.
MAX_JOB_BYTES: Final = 1024 * 1024

_TODAY = re.compile(r"\{today(?::([^{}]*))?\}")
_BRACES = re.compile(r"[{}]")


def _checked_template(text: str) -> str:
    if _BRACES.search(_TODAY.sub("", text)):
        raise ValueError("only {today} and {today:FORMAT} may stand in braces, e.g. {today:%Y-%m}")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it has characters that nobody sees, such as line breaks")
    return text


Template = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(_checked_template)]
Name = Annotated[str, StringConstraints(pattern=r"^[^/\x00-\x1f]{1,64}$"), AfterValidator(_printable)]


class Job(Guards):
    """A definition of repeated work, with what it allows a run to do with money."""

    #: First part of the run's name.
    name: Name = BARE_LIST
    #: Second part; a new key is a new run, which pays again. Dates are in UTC.
    run_key: Template | None = None
    #: The list: a path, relative to the job file; dates as in `run_key`.
    list: Template
    #: XLSX: which sheet. CSV: encoding and delimiter, where they are not UTF-8 and evident.
    sheet: str | None = None
    encoding: str | None = None
    delimiter: Literal[",", ";", "\t"] | None = None
    #: The list's column for a field.
    columns: dict[str, str] = Field(default_factory=dict)
    #: The same value for a field in every row.
    constants: dict[str, str] = Field(default_factory=dict)
    #: The product of every row; without it the list needs a column `product_id`.
    product: int | None = Field(default=None, ge=1)
    #: ISO 3166-1 alpha-2 code of the country of numbers that are written without + and country code.
    default_country: str | None = None
    decimal_mark: Literal[".", ","] = "."
    calculation_mode: CalculationMode = CalculationMode.DESTINATION_AMOUNT
    #: Pay a credit party more than once with one product.
    allow_duplicates: bool = False
    #: Pay the accepted rows although others are refused.
    skip_refused: bool = False
    environment: Environment = Environment.SANDBOX
    #: Requests a second, never to be exceeded; by default what the provider allows.
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    #: Requests on their way at once; by default as many as the allowed rate needs.
    concurrency: int | None = Field(default=None, ge=1, le=1000)
    #: Whose approval a start needs.
    approval: ApprovalPolicy = ApprovalPolicy()
    #: What the report is written as.
    reports: tuple[ReportFormat, ...] = DEFAULT_FORMATS

    def at(self, now: datetime, folder: Path) -> Self:
        """Fill in dates and make the list's path absolute or relative to here.

        Args:
            now: the time of the start, timezone-aware in UTC.
            folder: where a relative list path begins.

        Raises:
            JobError: the run key that comes out is blank, or is not all to be seen.
        """
        list_path = folder / _filled(self.list, now)
        key = _filled(self.run_key, now) if self.run_key else list_path.stem
        if not key.strip() or not key.isprintable():
            # A key that nobody can tell from another one begins no run: it would resume somebody else's.
            raise JobError(
                f"The run key {key[:60]!a} is blank or has characters that nobody sees; "
                "name another with --run-key, or correct run_key in the job file."
            )
        return self.model_copy(update={"list": str(list_path), "run_key": key})

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


def load_job(path: Path) -> Job:
    """Read a job file.

    Raises:
        JobError: the file cannot be read, is not TOML, or holds something that a job has not; all mistakes are named.
    """
    try:
        # A pipe or a device may never end, so that it is not even opened.
        if path.exists() and not path.is_file():
            raise JobError(f"The job file {path} is not a file.")
        with path.open("rb") as file:
            content = file.read(MAX_JOB_BYTES + 1)
    except OSError as error:
        raise JobError(f"The job file {path} cannot be read: {error.strerror}{similar_to(path) or '.'}") from error
    if len(content) > MAX_JOB_BYTES:
        raise JobError(f"The job file {path} has more than {MAX_JOB_BYTES} bytes; most likely it is no job file.")
    try:
        values = tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except (RecursionError, InvalidOperation) as error:
        what = (
            "its values are nested too deeply" if isinstance(error, RecursionError) else "a number is beyond any bound"
        )
        raise JobError(f"The job file {path} is not valid TOML: {what}.") from error
    except ValueError as error:  # of its TOML, its UTF-8 or its numbers
        raise JobError(f"The job file {path} is not valid TOML: {error}.") from error
    return make_job({"name": path.stem, **values}, f"The job file {path}")


def make_job(values: Mapping[str, object], where: str) -> Job:
    """Make a job of its keys and values.

    Args:
        values: what a job file or a command line states.
        where: what states it, the subject of the error's sentence.

    Raises:
        JobError: a key or a value is none that a job has; all mistakes are named.
    """
    try:
        return Job.model_validate(values)
    except ValidationError as error:
        mistakes = "\n".join(
            f"  {'.'.join(map(str, problem['loc']))}: {_cure(problem['type'], problem['msg'])}"
            for problem in error.errors(include_url=False)
        )
        raise JobError(f"{where} is not acceptable:\n{mistakes}") from None


def _cure(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return f"a job has no such key; it has {', '.join(sorted(Job.model_fields))}"
    return message


def _filled(template: str, now: datetime) -> str:
    return _TODAY.sub(lambda match: now.strftime(match[1] or "%Y-%m-%d"), template)
