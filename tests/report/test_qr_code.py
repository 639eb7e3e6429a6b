"""QR codes are pictures of the text that a phone reads."""

import pytest

from bulk_topup.report.qr_code import qr_png

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("code", ["LPA:1$esim.example$4711", "LPA:1$пример$ü", "1" * 2_000])
def test_a_qr_code_is_a_picture(code: str) -> None:
    picture = qr_png(code)
    assert picture is not None
    assert picture.startswith(PNG)
    assert picture == qr_png(code) != qr_png(code + "0")


def test_a_text_that_no_qr_code_can_hold_has_none() -> None:
    assert qr_png("x" * 3_000) is None
