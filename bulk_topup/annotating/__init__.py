"""Outcomes beside the rows of somebody's own workbook: formats, formulas and other sheets are kept; openpyxl.

Knows nothing of HTTP or SQL; touches the workbook and the file that it writes.
"""

from bulk_topup.annotating.outcomes import Annotated, AnnotationError, annotate

__all__ = ["Annotated", "AnnotationError", "annotate"]
