"""Writes a template as CSV or as a workbook, whole or not at all; touches the path that it is given."""

import csv
from pathlib import Path

from xlsxwriter.exceptions import XlsxFileError  # type: ignore[import-untyped]

from bulk_topup.security.formulas import csv_text
from bulk_topup.system.files import atomic_write
from bulk_topup.workbooks.template import Template, TemplateError
from bulk_topup.workbooks.template_workbook import write_workbook


def write_template(template: Template, path: Path, *, force: bool = False) -> None:
    """Write a template; the ending of its name says as what.

    Args:
        template: what the list has to look like.
        path: the file, which ends in .xlsx or .csv.
        force: take the place of a file that exists, which may be a list that somebody filled in.

    Raises:
        TemplateError: the file exists, has another ending, or cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in {".xlsx", ".csv"}:
        raise TemplateError(f"{path} ends neither in .xlsx nor in .csv; name the template so that it does.")
    try:
        if path.exists() and not force:
            raise TemplateError(f"{path} exists already; name another file with --output, or state --force.")
        with atomic_write(path) as temporary:
            if ending == ".csv":
                _write_csv(template, temporary)
            else:
                write_workbook(template, temporary)
    except (OSError, XlsxFileError) as error:
        raise TemplateError(
            f"The template cannot be written to {path}: {error}. Name another with --output."
        ) from error


def _write_csv(template: Template, path: Path) -> None:
    # As the reports are: with a byte order mark and without formulas, which reading a list takes off again.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in template.columns])
        writer.writerow([csv_text(column.example) for column in template.columns])
