"""Prompts a person for a confirmation; without a terminal, a command needs --yes instead."""

import click

from bulk_topup.cli.stop_signals import prompting
from bulk_topup.cli.terminal import is_terminal
from bulk_topup.errors import ConfirmationRequiredError, DeclinedError


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
    check_terminal(needs)
    try:
        with prompting():
            is_confirmed = click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        raise DeclinedError from None
    if not is_confirmed:
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
    check_terminal(needs)
    try:
        with prompting():
            typed = click.prompt(question, err=True)
    except click.Abort:
        click.echo(err=True)
        raise DeclinedError from None
    if typed.strip() != expected:
        raise DeclinedError


def check_terminal(needs: str) -> None:
    """Raise ConfirmationRequiredError unless standard input is a terminal."""
    if not is_terminal():
        raise ConfirmationRequiredError(f"{needs} needs confirmation, but there is no terminal. Add --yes.")
