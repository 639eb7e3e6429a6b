"""Writes a template as CSV or as a workbook, completely or not at all; touches only the given path."""

import csv
from pathlib import Path

from xlsxwriter.exceptions import XlsxFileError  # type: ignore[import-untyped]

from bulk_topup.security.formulas import csv_text
from bulk_topup.system.files import atomic_write
from bulk_topup.workbooks.template import Template
from bulk_topup.workbooks.template_product import TemplateError
from bulk_topup.workbooks.template_workbook import write_workbook


def write_template(template: Template, path: Path, *, force: bool = False) -> None:
    """Write a template in the format of the file's suffix.

    Args:
        template: the template.
        path: the file, which ends in .xlsx or .csv.
        force: replace a file that exists, which may be a list with data.

    Raises:
        TemplateError: the file exists, has another suffix, or cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in {".xlsx", ".csv"}:
        raise TemplateError(f"{path} must end in .xlsx or .csv. Choose another file with --output.")
    try:
        if path.exists() and not force:
            raise TemplateError(f"{path} already exists. Choose another file with --output, or add --force.")
        with atomic_write(path) as temporary:
            if suffix == ".csv":
                _write_csv(template, temporary)
            else:
                write_workbook(template, temporary)
    except (OSError, XlsxFileError) as error:
        raise TemplateError(f"Can't write {path}: {error}. Choose another file with --output.") from error


def _write_csv(template: Template, path: Path) -> None:
    # As in reports: with a byte order mark, and with formulas escaped. Reading a list removes both.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in template.columns])
        writer.writerow([csv_text(column.example) for column in template.columns])
