"""HTML elements from plain values, which are escaped unless they are HTML already; pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Final

#: Replaces characters that are invisible or reverse the text around them, so that no cell hides what follows it.
_STAND_IN: Final = "\N{REPLACEMENT CHARACTER}"
_NOT_SHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
#: Elements without content and end tag.
_VOID: Final = frozenset({"meta"})


class Html(str):
    """A text that is HTML; created by this package only."""

    __slots__ = ()


def html(value: object) -> Html:
    """Return a value as HTML; what is not HTML yet is escaped, so that it is shown as text."""
    return value if isinstance(value, Html) else Html(escape(_NOT_SHOWN.sub(_STAND_IN, str(value)), quote=True))


def joined(parts: Iterable[object]) -> Html:
    """Return the parts in a row, without anything between them."""
    return Html("".join(map(html, parts)))


def element(name: str, /, *content: object, **attributes: object) -> Html:
    """Return an element.

    Args:
        name: its tag.
        content: its content.
        attributes: its attributes; None leaves one out. `_` is written as `-`, and dropped at the end of a name.
    """
    written = joined(
        Html(f' {key.rstrip("_").replace("_", "-")}="{html(value)}"')
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{joined(content)}</{name}>")


def time_text(moment: datetime) -> str:
    """Return a time as the page shows it, in UTC and without seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
