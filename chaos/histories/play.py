"""Draws histories from seeds, plays them, and finds the shortest part of one that still fails."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

from chaos.histories.judge import paid_twice, unpaid
from chaos.histories.moves import MOVES, PAYDAY
from chaos.histories.office import Office
from chaos.histories.operator import end_period
from chaos.histories.people import Person, draw_person, draw_products, lines_of

#: Moves that are drawn.
DRAWN: Final = tuple(MOVES)


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a history, and the seed of its draws, so that it does the same without the steps before it."""

    move: str
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """An office and what happens to it."""

    seed: int
    start: datetime
    products: tuple[int, ...]
    is_job: bool
    has_references: bool
    has_duplicates: bool
    is_earlier: bool
    skips_refused: bool
    people: tuple[Person, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedHistory:
    """A history with what it did and what is wrong."""

    history: History
    #: What each step did, as sentences.
    log: tuple[str, ...]
    #: The names of these moves.
    moves: tuple[str, ...]
    complaints: tuple[str, ...]
    #: Payments of its last period that were due, and those of them that were made.
    due: int
    paid: int

    def text(self) -> str:
        """Return it for people: the office, its steps and what is wrong."""
        history = self.history
        office = [
            "job of a month" if history.is_job else "list",
            "references" if history.has_references else "no references",
            *(["duplicates allowed"] if history.has_duplicates else []),
            *(["an earlier version of the program"] if history.is_earlier else []),
            *([] if history.skips_refused else ["refused rows stop the list"]),
        ]
        lines = [f"History {history.seed}: {', '.join(office)}; from {history.start:%Y-%m-%d %H:%M} UTC"]
        lines += [f"  {person}" for person in history.people]
        lines += [f"  {number}. {step}" for number, step in enumerate(self.log, start=1)]
        return "\n".join([*lines, *(f"  {complaint}" for complaint in self.complaints)])


def draw_history(seed: int, moves: Sequence[str] = DRAWN) -> History:
    """Return the history of a seed, always the same for the same seed and moves."""
    draws = Random(seed)
    has_references, has_duplicates = draws.random() < 0.5, draws.random() < 0.5
    products = draw_products(draws, has_cards=has_references)
    people = tuple(
        draw_person(draws, number, products, has_duplicates=has_duplicates) for number in range(draws.randint(1, 5))
    )
    weights = [MOVES[move].weight for move in moves]
    steps = draws.choices(moves, weights, k=draws.randint(3, 10))
    return History(
        seed=seed,
        start=datetime(2026, 11, PAYDAY, draws.randint(1, 22), draws.randint(0, 59), tzinfo=UTC),
        products=products,
        is_job=draws.random() < 0.5,
        has_references=has_references,
        has_duplicates=has_duplicates,
        is_earlier=draws.random() < 0.2,
        skips_refused=draws.random() < 0.7,
        people=people,
        steps=tuple(Step(move, draws.randrange(2**32)) for move in steps),
    )


def play(history: History) -> PlayedHistory:
    """Play a history to the end of its last period, and judge it after each step."""
    folder = Path(tempfile.mkdtemp(prefix="bulk-topup-history-"))
    office = Office(
        folder,
        start=history.start,
        products=history.products,
        is_job=history.is_job,
        has_references=history.has_references,
        has_duplicates=history.has_duplicates,
        is_earlier=history.is_earlier,
        skips_refused=history.skips_refused,
    )
    try:
        for index, person in enumerate(history.people):
            office.add(person, lines_of(person, office.period.name, 10 * index), len(office.lines))
        log, moves = [], []
        for step in history.steps:
            did = MOVES[step.move].play(office, Random(step.seed))
            if did is not None:
                log.append(f"{step.move}: {did}.")
                moves.append(step.move)
            office.complaints += paid_twice(office)
            if office.complaints:
                break
        else:
            end_period(office)
        return PlayedHistory(
            history=history,
            log=tuple(log),
            moves=tuple(moves),
            complaints=tuple(dict.fromkeys(office.complaints)),
            due=office.period.dues.total(),
            paid=office.period.dues.total() - unpaid(office).total(),
        )
    finally:
        office.close()
        shutil.rmtree(folder)


def shrink(played: PlayedHistory, play_: Callable[[History], PlayedHistory] = play) -> PlayedHistory:
    """Return the shortest history that is found by leaving out steps and people of one that fails, and still fails."""
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for shorter in _parts(played.history):
            again = play_(shorter)
            if again.complaints:
                played, is_shorter = again, True
                break
    return played


def _parts(history: History) -> Iterable[History]:
    for index in reversed(range(len(history.steps))):
        yield replace(history, steps=history.steps[:index] + history.steps[index + 1 :])
    for index in reversed(range(len(history.people))):
        if len(history.people) > 1:
            yield replace(history, people=history.people[:index] + history.people[index + 1 :])
