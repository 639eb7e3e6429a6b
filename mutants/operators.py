"""The kinds of errors that are put into modules: chosen ones of Cosmic Ray's, and two of our own."""

from typing import Any, Final

from cosmic_ray.operators.operator import Operator
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
    "ExceptionReplacer",
    "NumberReplacer",
    "ZeroIterationForLoop",
)
_NAMES: Final = (
    *(f"ReplaceComparisonOperator_{before}_{after}" for before, after in _COMPARISONS),
    *(f"ReplaceBinaryOperator_{before}_{after}" for before, after in _BINARY),
    *_OTHERS,
)


def operators() -> dict[str, Operator]:
    """Return the operators by name."""
    found: dict[str, Any] = {name: get_operator(f"core/{name}")() for name in _NAMES}
    return found | {"RemovedCalls": RemovedCalls(), "SqlConditions": SqlConditions()}
