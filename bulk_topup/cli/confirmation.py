"""Prompts a person for a confirmation; without a terminal, a command needs --yes instead."""

from collections.abc import Callable
from typing import TypeVar

import click

from bulk_topup.cli.stop_signals import prompting
from bulk_topup.cli.terminal import is_terminal
from bulk_topup.errors import ConfirmationRequiredError, DeclinedError

T = TypeVar("T")


def confirm(question: str, *, needs: str) -> None:
    """Prompt for yes or no on standard error.

    Args:
        question: what is confirmed; "[y/N]" follows it.
        needs: the subject of the error's sentence where there is no terminal, e.g. "Purging".

    Raises:
        ConfirmationRequiredError: standard input is no terminal.
        DeclinedError: the answer is no, or Ctrl-C.
        InterruptedRunError: SIGTERM.
    """
    if not _prompt(lambda: click.confirm(question, err=True), needs):
        raise DeclinedError


def confirm_by_typing(expected: str, question: str, *, needs: str) -> None:
    """Prompt for a text on standard error that a person has to type in full.

    Args:
        expected: the text.
        question: what is confirmed by it.
        needs: the subject of the error's sentence where there is no terminal, e.g. "Production".

    Raises:
        ConfirmationRequiredError: standard input is no terminal.
        DeclinedError: another text is typed, or Ctrl-C.
        InterruptedRunError: SIGTERM.
    """
    typed: str = _prompt(lambda: click.prompt(question, err=True), needs)
    if typed.strip() != expected:
        raise DeclinedError


def check_terminal(needs: str) -> None:
    """Raise ConfirmationRequiredError unless standard input is a terminal."""
    if not is_terminal():
        raise ConfirmationRequiredError(f"{needs} needs confirmation, but there is no terminal. Add --yes.")


def _prompt(ask: Callable[[], T], needs: str) -> T:
    """Return the answer of a person at a terminal; raise DeclinedError for Ctrl-C."""
    check_terminal(needs)
    try:
        with prompting():
            return ask()
    except click.Abort:
        click.echo(err=True)
        raise DeclinedError from None
