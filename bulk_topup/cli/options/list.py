"""The options of a list: how it is read, its columns, and the guards and stops of its run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import click
import cloup

from bulk_topup.cli.options.ages import MAX_AGE_HELP, check_age
from bulk_topup.cli.options.groups import COLUMNS, GUARDS, LIST, collect
from bulk_topup.cli.options.guards import GuardOptions, guard_options
from bulk_topup.cli.options.reason import parse_reason
from bulk_topup.cli.options.rows import READ_ROWS, keep_option
from bulk_topup.cli.options.stops import StopOptions, stop_options
from bulk_topup.cli.options.times import parse_day
from bulk_topup.cli.options.worth import Worth, worth_option
from bulk_topup.domain.bills import STATEMENT, BillPolicy
from bulk_topup.dvs.field_limits import E164

#: Most lines that one command may name.
MAX_LINES: Final = 1_000_000
#: The values of DVS's `CalculationMode`, whose import is too heavy for a help text.
CALCULATION_MODES: Final = ("SOURCE_AMOUNT", "DESTINATION_AMOUNT")
#: The values of `Subservice`, for the same reason.
SUBSERVICES: Final = ("airtime", "bundle", "data")
DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}

#: An example of each option that sets a field.
_EXAMPLES: Final[Mapping[str | None, str]] = {"columns": "amount=Salary", "constants": "product_id=6418"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ListOptions:
    """How a list is read and what it means; None for the job's own setting, or the default."""

    run_key: str | None = None
    #: The product of every row.
    product: int | None = None
    #: What each row is worth, of which its product is chosen.
    worth: Worth | None = None
    #: The word for amounts that DVS is asked for.
    amount: str | None = None
    #: Which of several bills is paid.
    bill: str | None = None
    #: What may be chosen for a number; empty for the job's own setting.
    subservices: tuple[str, ...] = ()
    #: XLSX only.
    sheet: str | None = None
    #: CSV only; the delimiter by its name in `DELIMITERS`.
    encoding: str | None = None
    delimiter: str | None = None
    default_country: str | None = None
    accept_number_plan: tuple[str, ...] = ()
    decimal_mark: str | None = None
    header_row: int | None = None
    filters: tuple[str, ...] = ()
    hidden_rows: str | None = None
    keep: str | None = None
    calculation_mode: str | None = None
    allow_duplicates: bool | None = None
    skip_refused: bool | None = None
    #: How old answers about products, and about numbers, may be that are used again.
    max_age: str | None = None
    number_max_age: str | None = None
    #: The same about what accounts owe.
    statement_max_age: str | None = None
    #: The day that {today} means in a job file.
    today: date | None = None
    #: Columns and constant values by field.
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobOptions:
    """All that a command line may set of a job."""

    list_: ListOptions
    guards: GuardOptions = field(default_factory=GuardOptions)
    stops: StopOptions = field(default_factory=StopOptions)


def parse_lines(_context: click.Context, _option: click.Parameter, text: str | None) -> frozenset[int]:
    """Return line numbers, read from numbers and ranges: `5,7-9`."""
    lines: set[int] = set()
    for part in (text or "").replace(" ", "").split(","):
        match = re.fullmatch(r"([0-9]{1,10})(?:-([0-9]{1,10}))?", part)
        if part and not match:
            raise click.BadParameter(f'"{part}" is not a line or a range of lines; write it like 5,7-9.')
        if match:
            named = range(int(match[1]), int(match[2] or match[1]) + 1)
            if len(lines) + len(named) > MAX_LINES:
                raise click.BadParameter(f"More than {MAX_LINES:,} lines are named. Choose by --status instead.")
            lines.update(named)
    return frozenset(lines)


def _parse_pairs(_context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name.strip() or not value:
            raise click.BadParameter(f'"{text}" is not {option.metavar}; write it like {_EXAMPLES[option.name]}.')
        pairs[name.strip()] = value
    return pairs


def _parse_numbers(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    numbers = tuple(re.sub(r"[ ()-]", "", text) for text in texts)
    for text, number in zip(texts, numbers, strict=True):
        if not re.fullmatch(E164, number):
            raise click.BadParameter(f'"{text}" is not an E.164 number; write it like +6591234567.')
    return numbers


list_argument = cloup.argument("list_or_job", metavar="LIST|JOB", type=click.Path())

corrections_option = cloup.option(
    "--corrections",
    group=LIST,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Corrected rows of the run, in the not-completed file of its report. The run keeps them.",
)

add_option = cloup.option(
    "--add",
    group=LIST,
    is_flag=True,
    help="Add the list to a run that has paid other rows, which stay as they are; for a list in parts. Not with "
    "--scheduled.",
)

pay_again_option = cloup.option(
    "--pay-again",
    group=GUARDS,
    metavar="REASON",
    callback=parse_reason,
    help="Pay rows again that other runs have paid, as the plan shows them; the reason is kept with the run.",
)

leave_open_option = cloup.option(
    "--leave-open",
    group=LIST,
    callback=parse_reason,
    metavar="REASON",
    help="Start a new run beside open earlier runs of the job; the reason is saved with it. Not with --scheduled.",
)

_subservice_option = cloup.option(
    "--subservice",
    "subservices",
    group=LIST,
    type=click.Choice(SUBSERVICES),
    multiple=True,
    help="What [auto_product] of the job may choose for mobile numbers; repeatable.  [default: airtime]",
)
#: How a list is read.
_READING: Final = (
    cloup.option("--sheet", group=LIST, help="XLSX: the sheet.  [default: the only one that is not empty]"),
    cloup.option(
        "--encoding",
        group=LIST,
        help="CSV: e.g. cp1252, as Excel writes.  [default: UTF-8, or UTF-16 with a byte order mark]",
    ),
    cloup.option(
        "--delimiter",
        group=LIST,
        type=click.Choice(list(DELIMITERS)),
        help="CSV: the delimiter of cells.  [default: the header's]",
    ),
    cloup.option("--default-country", group=LIST, metavar="CC", help="Country of numbers without +, e.g. SG."),
    cloup.option(
        "--decimal-mark",
        group=LIST,
        type=click.Choice([".", ","]),
        help="Decimal mark of amounts that are text; number cells have none.  [default: .]",
    ),
    *READ_ROWS,
    cloup.option(
        "--calculation-mode",
        group=LIST,
        type=click.Choice(CALCULATION_MODES),
        help="Whether amounts are what is charged or what is received.  [default: DESTINATION_AMOUNT]",
    ),
)
#: How old answers may be, the day of a job, and its columns.
_MEANING: Final = (
    cloup.option("--max-age", group=LIST, metavar="AGE", callback=check_age, help=MAX_AGE_HELP),
    cloup.option(
        "--number-max-age",
        group=LIST,
        metavar="AGE",
        callback=check_age,
        help="The same for the operators of numbers, which [auto_product] asks for.  [default: 30d]",
    ),
    cloup.option(
        "--today",
        group=LIST,
        callback=parse_day,
        metavar="DATE",
        help="Day that {today} means in a job file, to catch up on a missed run.  [default: today in its time zone]",
    ),
    cloup.option(
        "--map",
        "columns",
        group=COLUMNS,
        metavar="FIELD=COLUMN",
        multiple=True,
        callback=_parse_pairs,
        help="Column of a field; repeatable.",
    ),
    cloup.option(
        "--constant",
        "constants",
        group=COLUMNS,
        metavar="FIELD=VALUE",
        multiple=True,
        callback=_parse_pairs,
        help="One value for a field in every row; repeatable.",
    ),
)

_list_options = collect(
    "list_",
    ListOptions,
    cloup.option(
        "--run-key",
        group=LIST,
        help="Key of the run; a new key is a new run.  [default: the list's file name without its extension]",
    ),
    cloup.option(
        "--product",
        group=LIST,
        type=click.IntRange(min=1),
        help="Product of every row; without it, the list needs a column product_id.",
    ),
    cloup.option(
        "--amount",
        group=LIST,
        type=click.Choice([STATEMENT]),
        help="Ask DVS what each account owes, and pay that; or write this word into cells of the amount column.",
    ),
    cloup.option(
        "--bill",
        group=LIST,
        type=click.Choice([policy.value for policy in BillPolicy]),
        help="Which bill to pay of an account with several; only refuses these.  [default: only]",
    ),
    cloup.option(
        "--statement-max-age",
        group=LIST,
        metavar="AGE",
        callback=check_age,
        help="How old answers about what accounts owe may be, and how long such amounts may be sent.  [default: 1h]",
    ),
    _subservice_option,
    worth_option,
    *_READING,
    cloup.option(
        "--accept-number-plan",
        group=LIST,
        metavar="NUMBER",
        multiple=True,
        callback=_parse_numbers,
        help="Pay this number although no numbering plan has it; repeatable.",
    ),
    cloup.option(
        "--allow-duplicates",
        group=LIST,
        is_flag=True,
        default=None,
        help="Pay a credit party more than once with one product.",
    ),
    keep_option,
    cloup.option(
        "--skip-refused", group=LIST, is_flag=True, default=None, help="Pay the valid rows although others are refused."
    ),
    *_MEANING,
)

job_options = collect("given", JobOptions, _list_options, guard_options, stop_options)

#: Of a list that is not paid.
list_options = collect("given", ListOptions, _subservice_option, *_READING, *_MEANING)
