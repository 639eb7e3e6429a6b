"""The named groups of options in the help, and the decorator that passes one group to a command as a typed value."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, Final, TypeVar

from cloup import OptionGroup

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

#: One group of each name for all commands; a command's help shows those that it has options of, in this order of use.
LIST: Final = OptionGroup("List")
COLUMNS: Final = OptionGroup("Columns")
GUARDS: Final = OptionGroup("Guards")
PACE: Final = OptionGroup("Pace")
APPROVAL: Final = OptionGroup("Approval")
PROVIDER: Final = OptionGroup("Provider")
REPORT: Final = OptionGroup("Report")
MONITORING: Final = OptionGroup("Monitoring")


def stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Return one decorator that applies several; a help text shows their options in the order given."""

    def decorate(command: F) -> F:
        for each in reversed(decorators):
            command = each(command)
        return command

    return decorate


def collect(
    keyword: str, type_: Callable[..., object], *decorators: Callable[[Callable[..., R]], Callable[..., R]]
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Return a decorator that adds options to a command and passes their values as one keyword argument.

    Args:
        keyword: the name of the command's argument.
        type_: a dataclass; its fields are named as the parameters that `decorators` add, and others have defaults.
        decorators: options, arguments, or decorators that themselves collect a field of `type_`.
    """
    names = [field.name for field in fields(type_)]  # type: ignore[arg-type]  # mypy knows no type for "a dataclass"

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        @wraps(command)
        def with_value(*args: Any, **values: Any) -> R:
            value = type_(**{name: values.pop(name) for name in names if name in values})
            return command(*args, **values, **{keyword: value})

        return stack(*decorators)(with_value)

    return decorate
