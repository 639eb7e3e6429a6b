"""Texts that somebody else wrote, as they may be shown; touches nothing."""

from typing import Final

_STAND_IN: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, *, keep: str = "") -> str:
    """Put a stand-in for each character that shows nothing, so that none commands a terminal or hides what follows.

    Args:
        text: the text.
        keep: characters that stay although they show nothing, e.g. a line feed.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _STAND_IN for each in text)
