"""Finds the errors that can be put into a module."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator

from mutants.operators import operators

#: Nodes with annotations, which only type checkers read.
_ANNOTATIONS = frozenset({"tfpdef", "annassign"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """One error in one module."""

    #: The module's file, relative to the repository.
    module: Path
    #: The name of the operator, and which of its places in the module it changes, from 0.
    operator: str
    occurrence: int
    #: The line of the place, from 1.
    line: int

    def apply(self, source: str) -> str:
        """Return the module's code with the error.

        Raises:
            LookupError: the code has no such place.
        """
        changed = mutate_code(source, operators()[self.operator], self.occurrence)
        if changed is None:
            raise LookupError(f"{self} is not in this code.")
        text: str = changed
        return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What an error makes of the lines of a module."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def find_mutants(module: Path, source: str) -> Iterator[Mutant]:
    """Yield every error that can be put into a module, without those in annotations and decorators.

    Args:
        module: the module's file, relative to the repository.
        source: its code.
    """
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in operators().items():
        for occurrence, (node, line) in enumerate(_places(operator, nodes)):
            if not _is_declaration(node):
                yield Mutant(module=module, operator=name, occurrence=occurrence, line=line)


def change_of(before: str, after: str) -> Change:
    """Return the lines that differ between two versions of a module."""
    old, new = before.splitlines(), after.splitlines()
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return Change(before=tuple(old[start : len(old) - end]), after=tuple(new[start : len(new) - end]))


def _places(operator: Operator, nodes: list[Any]) -> Iterator[tuple[Any, int]]:
    for node in nodes:
        for (line, _), _ in operator.mutation_positions(node):
            yield node, line


def _is_declaration(node: Any) -> bool:
    """Return True if the node is part of an annotation or a decorator, or one of the signs between arguments."""
    if node.parent is not None and node.parent.type in {"parameters", "lambdef"} and node.type == "operator":
        return True
    child, parent = node, node.parent
    while parent is not None:
        if parent.type == "decorator":
            return True
        if parent.type in _ANNOTATIONS and child is not parent.children[0]:
            # The value that follows a variable's annotation is code.
            return not (parent.type == "annassign" and len(parent.children) > 2 and child is parent.children[-1])
        if parent.type == "funcdef" and any(
            leaf.type == "operator" and leaf.value == "->" and other is child
            for leaf, other in zip(parent.children, parent.children[1:], strict=False)
        ):
            return True
        child, parent = parent, parent.parent
    return False
