"""Import the names of a package on first use, so that a command loads only what it needs."""

import sys
from collections.abc import Callable
from importlib import import_module


def lazy_exports(package: str, **names: tuple[str, ...]) -> Callable[[str], object]:
    """Return a package's `__getattr__` (PEP 562); type checkers see ordinary imports instead, under `TYPE_CHECKING`.

    No name may equal a module of the package: an import of that module would replace the name.

    Args:
        package: the package's `__name__`.
        names: the exported names, by the module of the package that defines them.
    """
    modules = {name: module for module, exported in names.items() for name in exported}

    def load(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)  # the next access does not call this function
        return value

    return load
