"""The styles of a workbook's cells: their number formats, and which are struck through; reads the open archive."""

from dataclasses import dataclass, field
from typing import Final
from zipfile import ZipFile

from bulk_topup.intake.cells.number_formats import PLAIN_CODES
from bulk_topup.intake.files.xlsx_formulas import Attributes, chunks_of, parse

#: The format of dates whose code depends on the language; as it may have a time, none is cut off.
_ANY_DATE: Final = "yyyy-mm-dd hh:mm"
_ACCOUNTS: Final = '_(* {0}_);_(* \\({0}\\);_(* "-"_);_(@_)'
_PARENTHESES: Final = "{0}_);({0})"
#: The formats that files refer to by number alone (ECMA-376, part 1, section 18.8.30).
_BUILT_IN: Final = {
    **dict(enumerate(("General", "0", "0.00", "#,##0", "#,##0.00"))),
    **dict.fromkeys((5, 6), _PARENTHESES.format('"$"#,##0')),
    **dict.fromkeys((7, 8), _PARENTHESES.format('"$"#,##0.00')),
    **dict(enumerate(("0%", "0.00%", "0.00E+00", "# ?/?", "# ??/??", "mm-dd-yy"), start=9)),
    **dict(enumerate(("d-mmm-yy", "d-mmm", "mmm-yy", "h:mm AM/PM", "h:mm:ss AM/PM"), start=15)),
    **dict(enumerate(("h:mm", "h:mm:ss", "m/d/yy h:mm"), start=20)),
    **dict.fromkeys((*range(27, 37), *range(50, 59)), _ANY_DATE),
    **dict.fromkeys((37, 38), _PARENTHESES.format("#,##0")),
    **dict.fromkeys((39, 40), _PARENTHESES.format("#,##0.00")),
    **dict(enumerate(map(_ACCOUNTS.format, ("#,##0", '"$"#,##0', "#,##0.00", '"$"#,##0.00')), start=41)),
    **dict(enumerate(("mm:ss", "[h]:mm:ss", "mmss.0", "##0.0E+0", "@"), start=45)),
}


@dataclass(kw_only=True, slots=True)
class Styles:
    """What the styles of cells show otherwise than their values."""

    #: The number format of each style that has one with which a value may look otherwise, by the style's index.
    formats: dict[int, str] = field(default_factory=dict)
    #: Indexes of styles whose texts are struck through.
    struck: set[int] = field(default_factory=set)

    def indexes(self) -> frozenset[int]:
        """Return the indexes of all these styles."""
        return frozenset({*self.formats, *self.struck})


def read_styles(archive: ZipFile, part: str | None) -> Styles:
    """Return the styles of a workbook.

    Args:
        archive: the XLSX file, whose size is checked.
        part: the part with the styles; None if there is none.

    Raises:
        expat.ExpatError: its XML is not well formed.
    """
    scanner = _StyleScanner()
    if part is not None and part in archive.namelist():
        with archive.open(part) as stream:
            parse(chunks_of(stream), scanner.start, end=scanner.end)
    return scanner.styles()


class _StyleScanner:
    """Collects formats, fonts and styles from the elements of the part."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._codes: dict[int, str] = {}
        self._struck_fonts: set[int] = set()
        self._fonts = 0
        #: The number format and the font of each style.
        self._styles: list[tuple[int, int]] = []

    def start(self, name: str, attributes: Attributes) -> None:
        # Conditional formats and named styles have elements of the same names.
        match [*self._path[1:], name]:
            case ["numFmts", "numFmt"]:
                self._codes[int(attributes["numFmtId"])] = attributes["formatCode"]
            case ["fonts", "font"]:
                self._fonts += 1
            case ["fonts", "font", "strike"] if attributes.get("val", "1") not in {"0", "false"}:
                self._struck_fonts.add(self._fonts - 1)
            case ["cellXfs", "xf"]:
                self._styles.append((int(attributes.get("numFmtId", 0)), int(attributes.get("fontId", 0))))
        self._path.append(name)

    def end(self, _name: str) -> None:
        self._path.pop()

    def styles(self) -> Styles:
        found = Styles()
        for index, (number, font) in enumerate(self._styles):
            code = self._codes.get(number, _BUILT_IN.get(number, "General"))
            if code not in PLAIN_CODES:
                found.formats[index] = code
            if font in self._struck_fonts:
                found.struck.add(index)
        return found
