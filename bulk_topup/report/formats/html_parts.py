"""HTML from plain values: whatever is not HTML already is escaped as it becomes a part of some; pure."""

import re
from collections.abc import Iterable
from html import escape
from typing import Final

#: Stands for what shows nothing, or turns the text around it, so that no cell hides or disguises what follows it.
_STAND_IN: Final = "\N{REPLACEMENT CHARACTER}"
_NOT_SHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
#: Elements that hold nothing and have no end.
_VOID: Final = frozenset({"meta"})


class Html(str):
    """A text that is HTML; made by this module alone."""

    __slots__ = ()


def html(value: object) -> Html:
    """Give a value as HTML: what is none yet is escaped, so that it is shown as it is and does nothing."""
    return value if isinstance(value, Html) else Html(escape(_NOT_SHOWN.sub(_STAND_IN, str(value)), quote=True))


def joined(parts: Iterable[object]) -> Html:
    """Put parts one after the other."""
    return Html("".join(map(html, parts)))


def element(name: str, /, *content: object, **attributes: object) -> Html:
    """Give an element.

    Args:
        name: what it is called.
        content: what is in it.
        attributes: its attributes, but for those that are None; `_` stands for `-`, and one at the end for nothing.
    """
    stated = joined(
        Html(f' {key.rstrip("_").replace("_", "-")}="{html(value)}"')
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{stated}>" if name in _VOID else f"<{name}{stated}>{joined(content)}</{name}>")
