"""How a comparison asks DVS many questions: side by side, and answered in order."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Questions(Protocol):
    """Asks many questions side by side."""

    def answers(
        self, what: str, items: Sequence[T], question: Callable[[T], Coroutine[Any, Any, U]]
    ) -> AsyncGenerator[tuple[T, U], None]:
        """Yield each item with its answer, in the items' order, while the next ones are asked about.

        Args:
            what: what is asked for, in the plural.
            items: what the questions are about.
            question: asks about one item.
        """
        ...
