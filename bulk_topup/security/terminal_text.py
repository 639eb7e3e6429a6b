"""Make foreign text safe for a terminal; pure."""

from typing import Final

_PLACEHOLDER: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, *, keep: str = "") -> str:
    """Return a text with a placeholder for each unprintable character: none controls the terminal or hides text.

    Args:
        text: the text.
        keep: unprintable characters that stay, e.g. a line feed.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _PLACEHOLDER for each in text)
