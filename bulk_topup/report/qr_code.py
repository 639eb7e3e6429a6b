"""The QR code of an eSIM as a picture; pure."""

import io
from typing import Final

#: Pixels of a module of a QR code, which a phone reads from a screen.
QR_SCALE: Final = 8
#: How much of a QR code may be lost: M, 15 %.
_ERROR_CORRECTION: Final = "m"


def qr_png(text: str, scale: int = QR_SCALE) -> bytes | None:
    """Return a QR code as a PNG picture; None for a text that is too long for one.

    Args:
        text: what a phone reads.
        scale: pixels of a module, the smallest square of the code.
    """
    import segno  # only eSIMs need it

    try:
        code = segno.make_qr(text, error=_ERROR_CORRECTION)
    except segno.DataOverflowError:
        return None
    picture = io.BytesIO()
    code.save(picture, kind="png", scale=scale)
    return picture.getvalue()
