"""Writes the text of a new job file from a few answers and the header of the list; reads the list."""

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

#: Schema for editors, if it is in the same folder as the job file.
SCHEMA_FILE: Final = "job.schema.json"


class Frequency(StrEnum):
    """How often the list of a job is paid."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    ONCE = "once"


#: Run key for each frequency.
RUN_KEYS: Final = {
    Frequency.MONTH: "{today:%Y-%m}",
    Frequency.WEEK: "{today:%G-W%V}",
    Frequency.DAY: "{today:%Y-%m-%d}",
    Frequency.ONCE: "1",
}

_TEXT: Final = Template("""\
$schema# Check it:   bulk-topup plan $file
# Then pay:   bulk-topup run $file
name = $name
# The same key resumes its run. A new key is a new run; rows that others paid need --pay-again.
run_key = $run_key
list = $list
${source}${product}environment = $environment
# false: a refused row stops the run before anything is sent. true: the valid rows are paid.
skip_refused = false

# Notifications; set NOTIFY_URL in the environment or the credentials file. See docs/monitoring.md.
# notifications = [{ to = ["$${NOTIFY_URL}"], on = ["finish", "failure"] }]

# DVS field = column of the list
[columns]
$columns
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Answers to the questions for a new job."""

    #: The job file to write.
    file: Path
    source: ListSource
    #: Product ID of every row; None if the list has a column for it.
    product: int | None
    frequency: Frequency
    environment: Environment


def job_text(answers: Answers, today: date) -> str:
    """Return the text of a job file.

    Args:
        answers: the settings to write.
        today: the day whose date in the name of the list becomes a template.

    Raises:
        ListError: the list cannot be read.
    """
    path = os.path.relpath(answers.source.path, answers.file.parent)
    for template in ("%Y-%m-%d", "%Y-%m", "%G-W%V"):
        path = path.replace(today.strftime(template), f"{{today:{template}}}")
    options = [("sheet", answers.source.sheet), ("encoding", answers.source.encoding)]
    return _TEXT.substitute(
        schema=f"#:schema ./{SCHEMA_FILE}\n" if (answers.file.parent / SCHEMA_FILE).exists() else "",
        file=answers.file,
        name=_quoted(answers.file.stem),
        run_key=_quoted(RUN_KEYS[answers.frequency]),
        list=_quoted(path),
        source="".join(f"{key} = {_quoted(value)}\n" for key, value in options if value is not None),
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
    """Return a text as a TOML string, which is written as in JSON."""
    return json.dumps(text, ensure_ascii=False)
