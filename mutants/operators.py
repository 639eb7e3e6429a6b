"""The kinds of errors that are put into modules: chosen ones of Cosmic Ray's, and our own."""

from typing import Any, Final

from cosmic_ray.exceptions import CosmicRayTestingException
from cosmic_ray.operators.exception_replacer import ExceptionReplacer
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator

from mutants.removed_calls import RemovedCalls
from mutants.sql_conditions import SqlConditions

#: Comparisons as they are replaced. Cosmic Ray has every pair; one or two for each are enough to see whether a boundary
#: and a direction are tested.
_COMPARISONS: Final = (
    ("Eq", "NotEq"),
    ("NotEq", "Eq"),
    ("Lt", "LtE"),
    ("Lt", "GtE"),
    ("LtE", "Lt"),
    ("LtE", "Gt"),
    ("Gt", "GtE"),
    ("Gt", "LtE"),
    ("GtE", "Gt"),
    ("GtE", "Lt"),
    ("Is", "IsNot"),
    ("IsNot", "Is"),
)
_BINARY: Final = (
    ("Add", "Sub"),
    ("Sub", "Add"),
    ("Mul", "Div"),
    ("Div", "Mul"),
    ("Mod", "Mul"),
    ("BitOr", "BitAnd"),
    ("BitAnd", "BitOr"),
)
_OTHERS: Final = (
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_USub_UAdd",
    "NumberReplacer",
    "ZeroIterationForLoop",
)
_NAMES: Final = (
    *(f"ReplaceComparisonOperator_{before}_{after}" for before, after in _COMPARISONS),
    *(f"ReplaceBinaryOperator_{before}_{after}" for before, after in _BINARY),
    *_OTHERS,
)


class DottedExceptionReplacer(ExceptionReplacer):
    """Cosmic Ray's replacement of exceptions that are caught, for names like `binascii.Error` too."""

    def mutate(self, node: Any, index: int) -> Any:
        """Return the clause with another exception."""
        name = self._name_nodes(node)[index]
        if hasattr(name, "children"):
            name.children = name.children[:1]
            [name] = name.children
        name.value = CosmicRayTestingException.__name__
        return node

    @staticmethod
    def _name_nodes(node: Any) -> list[Any]:
        caught = node.children[1]
        if caught.type != "atom":
            return [caught]
        inside = caught.children[1]
        return inside.children[::2] if inside.type == "testlist_comp" else [inside]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return what it does."""
        other = CosmicRayTestingException.__name__
        return (
            *super().examples()[:-1],
            Example("try: f()\nexcept a.Error as error: g()", f"try: f()\nexcept {other} as error: g()"),
            Example("try: f()\nexcept (a.b.Error, OSError): g()", f"try: f()\nexcept ({other}, OSError): g()"),
        )


def operators() -> dict[str, Operator]:
    """Return the operators by name."""
    found: dict[str, Any] = {name: get_operator(f"core/{name}")() for name in _NAMES}
    ours = {
        "ExceptionReplacer": DottedExceptionReplacer(),
        "RemovedCalls": RemovedCalls(),
        "SqlConditions": SqlConditions(),
    }
    return found | ours
