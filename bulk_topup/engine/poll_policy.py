"""How often open transactions are polled, and how the wait between polls grows; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PollPolicy:
    """How often open transactions are polled, in seconds."""

    #: Between the first polls.
    shortest: float = 2.0
    #: Maximum between polls while nothing changes.
    longest: float = 60.0
    #: The factor by which the wait grows after a poll without changes.
    growth: float = 1.5

    def next_wait(self, wait: float, changed: int, open_before: int) -> float:
        """Return the next wait: the shortest after many changes, the same after a few, a longer one after none.

        Args:
            wait: seconds before the last poll.
            changed: rows that the poll found final.
            open_before: rows that it polled.
        """
        if changed * 10 >= open_before > 0:
            return self.shortest
        return wait if changed else min(self.longest, wait * self.growth)
