"""Repeats the command line of this process with more options, as a command to copy."""

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import click

#: Where the words of the command line are kept.
_WORDS: Final = "bulk_topup.words"
_PROGRAM: Final = "bulk-topup"
#: The option by which a schedule starts a job, which makes no decisions.
_SCHEDULED: Final = "--scheduled"
#: Options that do not fit a marked copy of a list, and whether a value follows.
_LEFT_OUT: Final = {"--marked": True, "--force": False, "--encoding": True, "--delimiter": True, "--run-key": True}


def keep_words(context: click.Context, words: Sequence[str]) -> None:
    """Save the words of a command line."""
    context.meta[_WORDS] = tuple(words)


def repeated_command(*more: str) -> str:
    """Return this process's command with more words, which decide something, and secrets redacted.

    Returns:
        The command; an empty text where there is none, or where the schedule started it, which must not decide.
    """
    from bulk_topup.security.redaction import redact_secrets

    context = click.get_current_context(silent=True)
    words = () if context is None else context.meta.get(_WORDS, ())
    return redact_secrets(shlex.join([_PROGRAM, *words, *more])) if words and _SCHEDULED not in words else ""


def command_for(old: str, new: Path, run_key: str) -> str:
    """Return this process's command for another list of the same run, which is a workbook; secrets redacted.

    Args:
        old: the list of this command.
        new: the other one.
        run_key: the key of the run.
    """
    from bulk_topup.security.redaction import redact_secrets

    context = click.get_current_context(silent=True)
    words = () if context is None else context.meta.get(_WORDS, ())
    kept: list[str] = []
    left = iter(words)
    for word in left:
        name, has_value, _ = word.partition("=")
        if name in _LEFT_OUT:
            if not has_value and _LEFT_OUT[name]:
                next(left, None)
        else:
            kept.append(str(new) if word == old else word)
    return redact_secrets(shlex.join([_PROGRAM, *kept, "--run-key", run_key])) if words else ""


def repeated_run(*more: str) -> str:
    """Return `repeated_command` where this process runs a list or a job; an empty text for other commands."""
    context = click.get_current_context(silent=True)
    is_run = context is not None and context.command.name == "run"
    return repeated_command(*more) if is_run else ""


def join_lines(lines: Collection[int]) -> str:
    """Return lines as options read them: `5,7-9`."""
    ranges: list[list[int]] = []
    for line in sorted(lines):
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)
