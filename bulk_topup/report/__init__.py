"""Results of a run as files: what became of every row and what it cost; knows nothing of HTTP or SQL."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazily

if TYPE_CHECKING:
    from bulk_topup.report.cells import MASK
    from bulk_topup.report.errors import ReportError
    from bulk_topup.report.formats import DEFAULT_FORMATS, ReportFormat, not_completed_name, result_names
    from bulk_topup.report.summary import Summary, Total, summarise, summarise_groups
    from bulk_topup.report.write import Report, write_report
else:
    __getattr__ = lazily(
        __name__,
        cells=("MASK",),
        errors=("ReportError",),
        formats=("DEFAULT_FORMATS", "ReportFormat", "not_completed_name", "result_names"),
        summary=("Summary", "Total", "summarise", "summarise_groups"),
        write=("Report", "write_report"),
    )

__all__ = [
    "DEFAULT_FORMATS",
    "MASK",
    "Report",
    "ReportError",
    "ReportFormat",
    "Summary",
    "Total",
    "not_completed_name",
    "result_names",
    "summarise",
    "summarise_groups",
    "write_report",
]
