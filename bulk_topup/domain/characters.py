"""Characters that are dashes, blanks or invisible, and that Unicode's categories do not name so; pure."""

from typing import Final

#: The category of dashes.
DASH_CATEGORY: Final = "Pd"
#: Characters that look like a dash and are none of Unicode's dash punctuation: hyphen bullet, swung dash, modifier
#: minus and minus.
OTHER_DASHES: Final = frozenset("\u2043\u2053\u02d7\u2212")
#: Characters that look like a space and are no white space: an empty Braille cell and the fillers of Hangul.
BLANKS: Final = frozenset("\u2800\u115f\u1160\u3164\uffa0")
#: Characters that show nothing, among those that Python calls printable: joiners, vowels without a shape and variation
#: selectors.
INVISIBLE: Final = frozenset("\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
