"""The sheet of a revealed workbook with the QR codes of its eSIMs, which phones scan; touches XlsxWriter only."""

import io
from typing import Final

from xlsxwriter import Workbook  # type: ignore[import-untyped]

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.purchase_secrets import UndecryptedSecret
from bulk_topup.domain.states import RowState
from bulk_topup.report.formats.xlsx_sheets import Styles, write_heading, write_row
from bulk_topup.report.qr_code import qr_png

SHEET: Final = "eSIMs"
#: Most QR codes of a workbook: spreadsheet programs get slow with more. `pin-files` writes any number.
MAX_QR_CODES: Final = 1_000

_COLUMNS: Final = (("Line", 12), ("External ID", 40), ("ICCID", 26), ("Activation code", 60), ("QR code", 26))
_PICTURE: Final = len(_COLUMNS) - 1
#: Pixels of a module of a QR code, and the height of its row in points.
_SCALE: Final = 4
_HEIGHT: Final = 150


class EsimSheet:
    """The eSIMs of completed rows; the sheet is created with the first of them.

    Args:
        workbook: the workbook.
        styles: its cell formats.
    """

    def __init__(self, workbook: Workbook, styles: Styles) -> None:
        self._workbook = workbook
        self._styles = styles
        self._rows = 0

    def add(self, outcomes: Outcomes) -> None:
        """Write the eSIMs among these rows."""
        for index, code in enumerate(outcomes.esim_activation_code):
            if code and outcomes.state[index] == RowState.COMPLETED.value and not isinstance(code, UndecryptedSecret):
                serial, external_id = outcomes.pin_serial[index] or "", outcomes.external_id[index] or ""
                self._write((str(outcomes.line[index]), external_id, serial, code))

    def _write(self, texts: tuple[str, str, str, str]) -> None:
        if not self._rows:
            self._start()
        self._rows += 1
        picture = qr_png(texts[-1], scale=_SCALE) if self._rows <= MAX_QR_CODES else None
        if picture is None:
            write_row(self._sheet, self._rows, (*texts, "Written by `bulk-topup pin-files`."), {0}, self._styles)
            return
        self._sheet.set_row(self._rows, _HEIGHT)
        write_row(self._sheet, self._rows, texts, {0}, self._styles)
        options = {"image_data": io.BytesIO(picture), "x_offset": 4, "y_offset": 4, "description": "QR code"}
        self._sheet.insert_image(self._rows, _PICTURE, "qr-code.png", options)

    def _start(self) -> None:
        self._sheet = self._workbook.add_worksheet(SHEET)
        for index, (_, width) in enumerate(_COLUMNS):
            self._sheet.set_column(index, index, width)
        self._sheet.freeze_panes(1, 0)
        write_heading(self._sheet, 0, [name for name, _ in _COLUMNS], self._styles)
