"""Define the open runs of a job that stop a new one, and the ways on; pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import format_rows, run_arguments
from bulk_topup.errors import EarlierRunOpenError

#: Runs that a message names.
MAX_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierRun:
    """Another run of a job with rows that are not final."""

    run: Run
    pending: int
    in_flight: int
    accepted: int

    @property
    def stops(self) -> bool:
        """Whether it stops a new run of the job: rows of it may still be sent, or were perhaps sent."""
        return bool(self.pending + self.in_flight)

    @property
    def description(self) -> str:
        """How many of its rows are in which state: `3 rows pending, 1 row in flight`."""
        parts = ((self.pending, "pending"), (self.in_flight, "in flight"), (self.accepted, "accepted"))
        return ", ".join(f"{format_rows(number)} {state}" for number, state in parts if number)

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {
            "run": self.run.name,
            "pending": self.pending,
            "in_flight": self.in_flight,
            "accepted": self.accepted,
            "stops": self.stops,
        }


def ways_on(earlier: Run) -> Iterator[str]:
    """Yield the ways on from an open earlier run, each with its whole command."""
    name = run_arguments(earlier)
    yield f"resume it with `bulk-topup resume {name}`"
    yield f"close it with `bulk-topup close {name} --reason TEXT`"


def check_earlier_runs(name: str, earlier: Collection[EarlierRun]) -> None:
    """Raise EarlierRunOpenError if an earlier run of the job stops the new run of that name."""
    stopping = [each for each in earlier if each.stops]
    if not stopping:
        return
    lines = [
        f"Run {each.run.name} of this job is open ({each.description}): {', or '.join(ways_on(each.run))}."
        for each in stopping[:MAX_NAMED]
    ]
    if (more := len(stopping) - MAX_NAMED) > 0:
        lines.append(f"{more:,} more runs of this job are open; `bulk-topup status` lists them.")
    raise EarlierRunOpenError(
        "\n".join(
            [
                f"Nothing was sent, and run {name} was not started: an earlier run of its job may still pay the same.",
                *lines,
                "To start beside them on purpose, add --leave-open REASON.",
            ]
        )
    )
