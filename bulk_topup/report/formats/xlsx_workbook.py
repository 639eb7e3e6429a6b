"""A workbook whose rows stream to the disk, without formulas and links; writes the given path and beside it.

XlsxWriter's constant-memory mode has temporary files, which are beside the workbook in a folder that only the owner can
enter.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.exceptions import XlsxFileError  # type: ignore[import-untyped]

from bulk_topup.system.temporary_files import temporary_folder

_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "use_zip64": True,  # a million rows are more than 4 GB of XML; smaller workbooks are not affected
}


@contextmanager
def streamed_workbook(path: Path) -> Iterator[Workbook]:
    """Yield a workbook that is written at the end of the block.

    Args:
        path: the workbook, a temporary file; its folder holds those of XlsxWriter.

    Raises:
        OSError: it cannot be written.
    """
    with temporary_folder(path) as folder:
        workbook = Workbook(str(path), {**_OPTIONS, "tmpdir": str(folder)})
        try:
            yield workbook
            workbook.close()
        except XlsxFileError as error:
            raise OSError(str(error)) from error  # XlsxWriter wraps the OSError
        finally:
            with ExitStack() as handles:  # close all of them even if closing one fails on a full disk
                for sheet in workbook.worksheets():
                    handles.callback(sheet.row_data_fh.close)
