"""Results of a run as files: what became of every row and what it cost; knows nothing of HTTP or SQL."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.report.cells import MASK
    from bulk_topup.report.formats.interface import DEFAULT_FORMATS, ReportFormat, result_names
    from bulk_topup.report.report_writer import Report, write_report
else:
    __getattr__ = lazy_exports(
        __name__,
        **{
            "cells": ("MASK",),
            "formats.interface": ("DEFAULT_FORMATS", "ReportFormat", "result_names"),
            "report_writer": ("Report", "write_report"),
        },
    )

__all__ = ["DEFAULT_FORMATS", "MASK", "Report", "ReportFormat", "result_names", "write_report"]
