"""The formats of the results and the names of all files in a report; pure vocabulary."""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Final

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.report_files import SUMMARY


class ReportFormat(StrEnum):
    """A format in which the results of a run can be written."""

    #: For spreadsheets and scripts: one line a row, text only.
    CSV = "csv"
    #: For people: coloured states, a summary sheet, a sheet with every refusal.
    XLSX = "xlsx"
    #: For programs: one JSON object a row, exact types.
    JSONL = "jsonl"
    #: For analysis: one typed column a field, amounts as decimals. Written where it is asked for.
    PARQUET = "parquet"
    #: For people who only look: one page with the summary, the reasons and the rows that did not complete.
    HTML = "html"

    @property
    def file_name(self) -> str:
        """The file that holds the results in this format."""
        return f"results.{self.value}"


#: What is written where nobody says what.
DEFAULT_FORMATS: Final = (ReportFormat.CSV, ReportFormat.XLSX, ReportFormat.JSONL)


def result_names(formats: Collection[ReportFormat]) -> tuple[str, ...]:
    """Name the files that every report in these formats has: the results, then the summary."""
    return (*(each.file_name for each in ReportFormat if each in formats), SUMMARY)


#: Takes the next rows of the run, in the list's order.
Sink = Callable[[Outcomes], None]
