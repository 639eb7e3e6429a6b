"""The clock of a command: this machine's, unless the program that calls the command line passed another one."""

import click

from bulk_topup.system.clock import Clock, SystemClock


def command_clock() -> Clock:
    """Return the clock that was passed as `main(..., obj=clock)`, else this machine's."""
    context = click.get_current_context(silent=True)
    clock: Clock | None = None if context is None else context.obj
    return SystemClock() if clock is None else clock
