"""Opens a workbook and chooses the sheet of its list."""

from pathlib import Path
from typing import IO, Final
from zipfile import ZipFile

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import quoted
from bulk_topup.intake.files.source import ListSource
from bulk_topup.intake.files.xlsx_dimensions import without_dimensions

#: The part that lists the types of the others, and the type that only XLSX workbooks have.
_CONTENT_TYPES: Final = "[Content_Types].xml"
_XLSX: Final = b"spreadsheetml.worksheet+xml"

#: Prefix of the names of a template's sheets other than its list.
HELP_SHEET: Final = "bulk-topup "


def check_xlsx(archive: ZipFile, path: Path) -> None:
    """Raise ListError if an archive is no XLSX workbook."""
    if _CONTENT_TYPES not in archive.namelist() or _XLSX not in archive.read(_CONTENT_TYPES):
        raise ListError(
            f"{path.name} is not an XLSX workbook. Open it in a spreadsheet program and save it as XLSX or CSV."
        )


def load_sheet(file: IO[bytes], archive: ZipFile, source: ListSource) -> CalamineSheet:
    """Return the sheet of the list; where the reader stops at a dimension, it is read without it."""
    file.seek(0)
    try:
        with CalamineWorkbook.from_filelike(file) as workbook:
            return _choose_sheet(workbook, source)
    except CalamineError:
        if (copy := without_dimensions(archive)) is None:
            raise
    with CalamineWorkbook.from_filelike(copy) as workbook:
        return _choose_sheet(workbook, source)


def _choose_sheet(workbook: CalamineWorkbook, source: ListSource) -> CalamineSheet:
    """Return the named sheet, or the only visible one with cells that is not a template's help."""
    sheets = [each for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
    if source.sheet is not None:
        if source.sheet not in [each.name for each in sheets]:
            names = ", ".join(quoted(each.name) for each in sheets)
            raise ListError(f"{source.path.name} has no sheet {quoted(source.sheet)}. Sheets: {names}.")
        return workbook.get_sheet_by_name(source.sheet)
    visible_names = [each.name for each in sheets if each.visible == SheetVisibleEnum.Visible]
    visible = [workbook.get_sheet_by_name(name) for name in visible_names if not name.startswith(HELP_SHEET)]
    filled = [sheet for sheet in visible if sheet.start is not None]
    if len(filled) > 1:
        names = ", ".join(quoted(sheet.name) for sheet in filled)
        raise ListError(f"{source.path.name} has several sheets with cells: {names}. Choose the list with --sheet.")
    if not filled:
        raise ListError(f"{source.path.name} has no sheet with cells. The first row must contain column names.")
    return filled[0]
