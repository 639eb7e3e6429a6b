"""The text of a new job file, made of a few answers and the list's own header; reads the list."""

import json
import os
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import Final

from bulk_topup.domain import fields
from bulk_topup.domain.environment import Environment
from bulk_topup.errors import MappingError
from bulk_topup.intake import CONSTANT, Formats, ListSource, read_list

#: Where editors find what a job file may hold, if it lies beside it.
SCHEMA_FILE: Final = "job.schema.json"


class Frequency(StrEnum):
    """How often a job's list is paid."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    ONCE = "once"


#: The run key of what is paid so often.
RUN_KEYS: Final = {
    Frequency.MONTH: "{today:%Y-%m}",
    Frequency.WEEK: "{today:%G-W%V}",
    Frequency.DAY: "{today:%Y-%m-%d}",
    Frequency.ONCE: "1",
}

_TEXT: Final = Template("""\
$schema# Look at what it would do: bulk-topup plan $file
# Then pay:                 bulk-topup run $file
name = $name
# Started again with the same key, a run goes on; a new key pays again.
run_key = $run_key
list = $list
${source}${product}environment = $environment
# Nobody is paid while a row is refused; with true the others are.
skip_refused = false

# Who is told how it went, once NOTIFY_URL is in the environment or the credentials file; see docs/monitoring.md.
# notifications = [{ to = ["$${NOTIFY_URL}"], on = ["finish", "failure"] }]

# DVS field = the list's column
[columns]
$columns
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What whoever wants a job says of it."""

    #: Where the job file is to be.
    file: Path
    source: ListSource
    #: None where the list has a column for it.
    product: int | None
    often: Frequency
    environment: Environment


def job_text(answers: Answers, today: date) -> str:
    """Write a job file.

    Args:
        answers: what it is to say.
        today: the day that becomes a template in the list's name.

    Raises:
        ListError: the list cannot be read.
    """
    path = os.path.relpath(answers.source.path, answers.file.parent)
    for template in ("%Y-%m-%d", "%Y-%m", "%G-W%V"):
        path = path.replace(today.strftime(template), f"{{today:{template}}}")
    stated = [("sheet", answers.source.sheet), ("encoding", answers.source.encoding)]
    return _TEXT.substitute(
        schema=f"#:schema ./{SCHEMA_FILE}\n" if (answers.file.parent / SCHEMA_FILE).exists() else "",
        file=answers.file,
        name=_quoted(answers.file.stem),
        run_key=_quoted(RUN_KEYS[answers.often]),
        list=_quoted(path),
        source="".join(f"{key} = {_quoted(value)}\n" for key, value in stated if value is not None),
        product="" if answers.product is None else f"product = {answers.product}\n",
        environment=_quoted(answers.environment),
        columns="\n".join(_columns(answers)),
    )


def _columns(answers: Answers) -> list[str]:
    constants = {} if answers.product is None else {fields.PRODUCT_ID: str(answers.product)}
    try:
        reader = read_list(answers.source, mapping={}, constants=constants, formats=Formats())
    except MappingError as error:
        return [f"# {error}"]
    columns = {field: reader.column_of(field) for field in reader.mapped}
    return [f"{_key(field)} = {_quoted(column)}" for field, column in columns.items() if column != CONSTANT]


def _key(field: str) -> str:
    return _quoted(field) if "." in field else field


def _quoted(text: str) -> str:
    """Write a text as TOML has it, which is as JSON has it."""
    return json.dumps(text, ensure_ascii=False)
