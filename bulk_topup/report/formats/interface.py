"""The report formats: which there are, and what the module of each provides; opens no file itself.

To add a format: a module `<value>_results.py` beside this one with a function of that name, which is a `ResultsWriter`,
and a member of `ReportFormat` here. Job files, options and the report offer it then.
"""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.report_files import SUMMARY
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import Tally

#: Takes the next rows of the run, in the list's order.
Sink = Callable[[Outcomes], None]


class ResultsWriter(Protocol):
    """Writes the results of a run in one format."""

    def __call__(self, path: Path, run: Run, tally: Tally, /, *, reveal_pins: bool) -> AbstractContextManager[Sink]:
        """Yield a sink for the rows; the file is complete when the context ends.

        Args:
            path: the file to write.
            run: the run that the rows belong to.
            tally: counts and totals, complete when the context ends.
            reveal_pins: whether PIN codes and serials are shown instead of the mask.

        Raises:
            ReportError: the format cannot hold the rows.
            OSError: the file cannot be written.
        """
        ...


class ReportFormat(StrEnum):
    """A format of the results; `DEFAULT_FORMATS` are written unless others are named."""

    #: For spreadsheets and scripts: one line a row, text only.
    CSV = "csv"
    #: For people: coloured states, a summary sheet, a sheet with every refusal.
    XLSX = "xlsx"
    #: For programs: one JSON object a row, exact types.
    JSONL = "jsonl"
    #: For analysis: one typed column a field, amounts as decimals.
    PARQUET = "parquet"
    #: For readers: one page with the summary, the reasons and the rows that are not completed.
    HTML = "html"

    @property
    def file_name(self) -> str:
        """The file with the results in this format."""
        return f"results.{self.value}"

    @property
    def writer(self) -> ResultsWriter:
        """The function that writes this format."""
        name = f"{self.value}_results"
        # Imported on use, as XlsxWriter and polars' Parquet are slow to import.
        module = import_module(f"bulk_topup.report.formats.{name}")
        return cast("ResultsWriter", getattr(module, name))


#: The formats that are written by default.
DEFAULT_FORMATS: Final = (ReportFormat.CSV, ReportFormat.XLSX, ReportFormat.JSONL)


def result_names(formats: Collection[ReportFormat]) -> tuple[str, ...]:
    """Return the names of the files that every report in these formats has: the results, then the summary."""
    return (*(each.file_name for each in ReportFormat if each in formats), SUMMARY)
