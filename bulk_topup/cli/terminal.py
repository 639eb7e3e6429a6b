"""Whether a person can answer a prompt; touches only standard input."""

import sys


def is_terminal() -> bool:
    """Return True if standard input is a terminal, so that a prompt can be answered."""
    return sys.stdin is not None and sys.stdin.isatty()  # None where a daemon closed it
