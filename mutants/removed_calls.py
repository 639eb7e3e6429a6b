"""Removes calls that stand alone, whose effect some test should miss."""

from collections.abc import Iterator
from typing import Any

import parso.python.tree
from cosmic_ray.operators.operator import Example, Operator


class RemovedCalls(Operator):
    """Replaces a statement that is a call by `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Yield where a call stands alone."""
        if node.type in {"atom_expr", "power"} and _is_statement(node) and _is_call(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002 - a place has one call
        """Return `pass` in place of the call."""
        first = node.get_first_leaf()
        return parso.python.tree.Keyword("pass", node.start_pos, first.prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return code before and after."""
        return (
            Example("def f():\n    save(1)\n", "def f():\n    pass\n"),
            Example("async def f():\n    await a.save(1)\n", "async def f():\n    pass\n"),
        )


def _is_statement(node: Any) -> bool:
    parent = node.parent
    return parent is not None and parent.type == "simple_stmt" and parent.children[0] is node


def _is_call(node: Any) -> bool:
    last = node.children[-1]
    return bool(last.type == "trailer" and last.children[0].value == "(")
