"""Plays many histories in several processes, shortens those that fail, and summarises the results."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.histories.play import PlayedHistory, draw_history, play, shrink


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryCampaign:
    """The results of a campaign."""

    played: Sequence[PlayedHistory]
    seconds: float

    @property
    def failed(self) -> list[PlayedHistory]:
        """The histories with complaints."""
        return [each for each in self.played if each.complaints]

    def summary(self) -> str:
        """Return a summary of what was done and how it ended."""
        moves = Counter(move for each in self.played for move in each.moves)
        due, paid = sum(each.due for each in self.played), sum(each.paid for each in self.played)
        counts = ", ".join(f"{move} {count}" for move, count in sorted(moves.items()))
        result = f"{len(self.failed)} failed" if self.failed else "all passed: nobody paid twice or forgotten"
        return "\n".join(
            [
                f"{len(self.played)} histories, {self.seconds:.0f} s",
                f"payments due at the end {due}, made {paid}, the others refused or failed, and named",
                f"moves: {counts}",
                result,
            ]
        )


def run_histories(first: int, count: int, *, jobs: int, on_failed: Callable[[PlayedHistory], None]) -> HistoryCampaign:
    """Play histories, and return their results.

    Args:
        first: the seed of the first.
        count: how many, by consecutive seeds.
        jobs: number of concurrent histories.
        on_failed: is called with each that failed, as short as it could be made.
    """
    started = time.monotonic()
    played = []
    # Processes, because a history sets the time zone of its own.
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for each in pool.imap_unordered(play_seed, range(first, first + count)):
            played.append(each)
            if each.complaints:
                on_failed(each)
    return HistoryCampaign(played=played, seconds=time.monotonic() - started)


def play_seed(seed: int) -> PlayedHistory:
    """Play the history of a seed, and shorten it if it fails."""
    played = play(draw_history(seed))
    return shrink(played) if played.complaints else played
