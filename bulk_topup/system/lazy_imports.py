"""Packages whose names are imported when they are first asked for, so that a command loads only what it uses; pure."""

import sys
from collections.abc import Callable
from importlib import import_module


def lazy_exports(package: str, **names: tuple[str, ...]) -> Callable[[str], object]:
    """Give a package's `__getattr__` (PEP 562); type checkers see ordinary imports instead, under `TYPE_CHECKING`.

    No name may be that of a module of the package: who imports that module would get the module for the name.

    Args:
        package: the package's `__name__`.
        names: what is given, by the module of the package that has it.
    """
    modules = {name: module for module, given in names.items() for name in given}

    def give(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)  # the next time nobody asks
        return value

    return give
