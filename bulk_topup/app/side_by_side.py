"""Asks many questions side by side at the allowed rate, and reports how far it is; sends what it is given."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine.concurrency import concurrency_for, root_cause
from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import cancel_all

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, kw_only=True, slots=True)
class AskingProgress:
    """How far the answers to many questions are."""

    #: What is asked for, in the plural, e.g. "products".
    what: str
    answered: int
    total: int
    #: Since the first question.
    seconds: float
    #: Until the last answer, at the present rate.
    seconds_left: float


#: Receives the progress after each answer; must not raise.
OnProgress = Callable[[AskingProgress], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class SideBySide:
    """Asks DVS many questions at a time: as many as the rate limit needs."""

    dvs: AsyncDVS
    clock: Clock
    on_progress: OnProgress | None = None

    async def ask(
        self,
        what: str,
        items: Sequence[T],
        question: Callable[[T], Awaitable[U]],
        receive: Callable[[T, U], None],
    ) -> None:
        """Ask a question about each item, in their order, and receive each answer as it comes.

        Args:
            what: what is asked for, in the plural.
            items: what the questions are about.
            question: asks about one item.
            receive: called with an item and its answer; what was received before an error or a stop stays received.

        Raises:
            Exception: the first one that a question raised; the others were cancelled.
        """
        remaining = iter(items)
        started, answered = self.clock.monotonic(), 0
        workers = 0

        async def work(group: asyncio.TaskGroup) -> None:
            nonlocal answered
            for item in remaining:
                receive(item, await question(item))
                answered += 1
                self._report(what, answered, len(items), started)
                grow(group)

        def grow(group: asyncio.TaskGroup) -> None:
            """Start more workers: the rate, and so their number, is known once a response has shown the limit."""
            nonlocal workers
            needed = min(concurrency_for(self.dvs.limiter), len(items) - answered)
            while workers < needed:
                workers += 1
                group.create_task(work(group))

        try:
            async with asyncio.TaskGroup() as group:
                grow(group)
        except BaseExceptionGroup as error:
            raise root_cause(error) from None

    async def answers(
        self, what: str, items: Sequence[T], question: Callable[[T], Coroutine[Any, Any, U]]
    ) -> AsyncGenerator[tuple[T, U], None]:
        """Yield each item with its answer, in the items' order, while the next ones are asked about.

        So few answers wait for their turn that their memory does not grow with the items. Close the generator if you
        stop before the last.

        Args:
            what: what is asked for, in the plural.
            items: what the questions are about.
            question: asks about one item.

        Raises:
            Exception: what a question raised, when it is its item's turn; the others were cancelled.
        """
        started, asked = self.clock.monotonic(), 0
        questions: deque[asyncio.Task[U]] = deque()
        try:
            for number, item in enumerate(items):
                while asked < min(number + concurrency_for(self.dvs.limiter), len(items)):
                    questions.append(asyncio.create_task(question(items[asked])))
                    asked += 1
                answer = await questions[0]
                questions.popleft()
                self._report(what, number + 1, len(items), started)
                yield item, answer
        finally:
            await cancel_all(questions)

    def _report(self, what: str, answered: int, total: int, started: float) -> None:
        if self.on_progress is None:
            return
        self.on_progress(
            AskingProgress(
                what=what,
                answered=answered,
                total=total,
                seconds=self.clock.monotonic() - started,
                seconds_left=(total - answered) / self.dvs.limiter.rate,
            )
        )
