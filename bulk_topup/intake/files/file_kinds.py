"""What a file is by its content, whatever its name says, and the fix for what is no list; reads the file only."""

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

from bulk_topup.intake.files.xlsx_bounds import MAX_FILE_BYTES

#: Bytes at the start of a file that are examined; those of a web page are before its table.
HEAD_BYTES: Final = 1 << 16

_ZIP: Final = b"PK"
_ZIP_PART: Final = b"PK\x03\x04"
#: First bytes of the formats of Office before 2007, and of every workbook with a password.
_COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0"
_SAVE: Final = "Open it in a spreadsheet program and save it as XLSX or CSV."
_DOCUMENT: Final = "Save its table as a list in a spreadsheet program, as XLSX or CSV."
_UNPACK: Final = "Unpack it, and choose the list in it."

#: What a file is by its first bytes, and the fix.
_BY_FIRST_BYTES: Final[Mapping[bytes, tuple[str, str]]] = {
    b"%PDF-": ("a PDF document", "Ask for the list as XLSX or CSV."),
    b"{\\rtf": ("a text document (RTF)", _DOCUMENT),
    b"\x89PNG": ("a picture", "Ask for the list as XLSX or CSV."),
    b"\xff\xd8\xff": ("a picture", "Ask for the list as XLSX or CSV."),
    b"PAR1\x15": ("a Parquet file", "Export the list as CSV."),
    b"\x1f\x8b": ("a file compressed with gzip", _UNPACK),
    b"BZh91AY&SY": ("a file compressed with bzip2", _UNPACK),
    b"\xfd7zXZ": ("a file compressed with xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("a file compressed with Zstandard", _UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", _UNPACK),
    b"Rar!\x1a": ("a RAR archive", _UNPACK),
}
#: What an archive is by the name of one of its parts.
_BY_PART: Final[Mapping[str, tuple[str, str]]] = {
    "xl/workbook.bin": ("a binary workbook (XLSB)", _SAVE),
    "word/document.xml": ("a Word document", _DOCUMENT),
    "ppt/presentation.xml": ("a presentation", _DOCUMENT),
    "Index/Document.iwa": (
        "a document of Apple Numbers or Pages",
        "In Numbers, choose File > Export To > Excel, and use that file.",
    ),
}
#: An archive with one of these, and none of those above, is a workbook.
_OFFICE_PARTS: Final = frozenset({"[Content_Types].xml", "xl/workbook.xml"})
_ODS: Final = b"application/vnd.oasis.opendocument.spreadsheet"
#: The same of old Office documents, whose parts have names in UTF-16. The first one that is found counts.
_BY_STREAM: Final[Mapping[str, tuple[str, str]]] = {
    "EncryptedPackage": (
        "a workbook with a password",
        "Open it with its password, remove the password, and save it as XLSX.",
    ),
    "WordDocument": ("a Word document", _DOCUMENT),
    "PowerPoint Document": ("a presentation", _DOCUMENT),
    "Workbook": ("a workbook in the old format XLS", _SAVE),
    "Book": ("a workbook in the old format XLS", _SAVE),
}
_OTHER_COMPOUND: Final = ("an old Office document", _SAVE)

_JSON: Final = re.compile(r'(?:\[\s*)?\{\s*"')

XLSX: Final = "an XLSX workbook"


def kind_of(path: Path) -> tuple[str, str] | None:
    """Return what a file is, with its article, and the fix for one that is no list; None for text, and what is unknown.

    The fix for `XLSX` is empty: it is a list.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if head.startswith(_COMPOUND_FILE):
            content = head + file.read(MAX_FILE_BYTES)
            return next(
                (_BY_STREAM[name] for name in _BY_STREAM if name.encode("utf-16-le") in content), _OTHER_COMPOUND
            )
    if head.startswith(_ZIP_PART):
        return _kind_of_archive(path)
    found = next((_BY_FIRST_BYTES[start] for start in _BY_FIRST_BYTES if head.startswith(start)), None)
    return found or _kind_of_text(head)


def is_archive(start: bytes) -> bool:
    """Return True for the first bytes of an archive, as workbooks are."""
    return start.startswith(_ZIP)


def _kind_of_archive(path: Path) -> tuple[str, str] | None:
    try:
        with ZipFile(path) as archive:
            names = set(archive.namelist())
            if "mimetype" in names:
                with archive.open("mimetype") as part:
                    if part.read(len(_ODS) + 1).startswith(_ODS):
                        return "an OpenDocument spreadsheet (ODS)", _SAVE
            if (found := next((_BY_PART[name] for name in _BY_PART if name in names), None)) is not None:
                return found
            # The workbook's own part may have any name.
            return (XLSX, "") if names & _OFFICE_PARTS else ("an archive (ZIP)", _UNPACK)
    except (BadZipFile, RuntimeError, NotImplementedError, ValueError):
        return None


def _kind_of_text(head: bytes) -> tuple[str, str] | None:
    """Return what a web page, XML or JSON is, by its first characters; None for other texts."""
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = head.decode("utf-16" if is_wide else "latin-1", errors="ignore").removeprefix("\xef\xbb\xbf").lstrip()
    text = text.lower()
    if _JSON.match(text):
        return "JSON", "Export the list as CSV."
    if not text.startswith("<"):
        return None
    if "urn:schemas-microsoft-com:office:spreadsheet" in text:
        return "a workbook in the XML format of Excel 2003", _SAVE
    if "opendocument" in text:
        return "an OpenDocument spreadsheet in one XML file", _SAVE
    if "<table" in text:
        return "a web page with a table", _SAVE
    if "<html" in text or text.startswith("<!doctype html"):
        return (
            "a web page without a table, such as a login or an error page",
            "Sign in where the list comes from, and download it again.",
        )
    return "XML", "Export the list as XLSX or CSV."
