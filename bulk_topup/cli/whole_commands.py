"""Completes the commands that texts propose with the environment, credentials and ledger of this one."""

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from bulk_topup.domain.environment import ProviderOptions

#: Where the provider options of the command are saved.
_PLACE: Final = "bulk_topup.place"
_PROPOSED: Final = re.compile(r"`(bulk-topup [a-z][^`]*)`")


def save_place(options: "ProviderOptions") -> None:
    """Save the provider options that this command uses."""
    if (context := click.get_current_context(silent=True)) is not None:
        context.meta[_PLACE] = options


def with_whole_commands(text: str) -> str:
    """Return a text whose commands in backticks are whole."""
    return _PROPOSED.sub(lambda found: f"`{whole_command(found[1])}`", text)


def whole_command(command: str) -> str:
    """Return a command with the options that name where this process works, as far as it takes and lacks them.

    A command that names an environment, as those about a run do, has all but the credentials.
    """
    context = click.get_current_context(silent=True)
    if context is None or (place := context.meta.get(_PLACE)) is None:
        return command
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    if "--env" in words and place.environment not in words:
        return command  # of another environment, with other credentials
    taken = _options_of(context, words[1:])
    given = [
        word
        for option, value in _options(place, is_complete="--env" in words)
        if option in taken and option not in words
        for word in (option, value)
    ]
    return " ".join([command, shlex.join(given)]) if given else command


def _options(place: "ProviderOptions", *, is_complete: bool) -> Iterator[tuple[str, str]]:
    """Yield the options that name a place, each with its value."""
    from bulk_topup.domain.environment import default_ledger

    if not is_complete:
        if place.is_named:
            yield "--env", place.environment.value
        if place.base_url is not None:
            yield "--base-url", place.base_url
    if place.credentials is not None:
        yield "--credentials", str(place.credentials)
    if not is_complete and place.ledger != default_ledger(place.environment):
        yield "--ledger", str(place.ledger)


def _options_of(context: click.Context, words: list[str]) -> set[str]:
    """Return the options of the command that some words name; none for an unknown one."""
    command: click.Command | None = context.find_root().command
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(context, word)
    return set() if command is None else {name for each in command.params for name in each.opts}
