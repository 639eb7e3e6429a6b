"""Counts what was noticed, and writes it as a table."""

import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from mutants.find import Mutant
from mutants.targets import Target
from mutants.workspace import Outcome, Trial

#: Errors that nobody could overlook say nothing about the tests.
_NOT_COUNTED = frozenset({Outcome.BROKEN})
_NOTICED = frozenset({Outcome.CAUGHT, Outcome.HANGS})


@dataclass(frozen=True, kw_only=True, slots=True)
class Equivalent:
    """A change of a line that changes no behaviour."""

    module: str
    before: str
    after: str
    reason: str


@dataclass(kw_only=True, slots=True)
class Results:
    """What the tests made of a target's errors."""

    target: Target
    #: How many errors can be put into its modules.
    possible: int
    counts: Counter[Outcome] = field(default_factory=Counter)
    equivalent: int = 0
    #: Those that no test noticed, and that change behaviour.
    missed: list[Trial] = field(default_factory=list)

    @property
    def counted(self) -> int:
        """How many of the tried errors count."""
        return sum(self.counts[outcome] for outcome in _NOTICED) + len(self.missed)

    @property
    def noticed(self) -> Decimal | None:
        """The part of them that tests noticed, in percent; None if none was tried."""
        return Decimal(100 * (self.counted - len(self.missed))) / self.counted if self.counted else None

    @property
    def is_reached(self) -> bool:
        """Whether that is as much as it should be."""
        return self.noticed is None or self.noticed >= self.target.aim

    def add(self, trial: Trial, equivalents: Collection[Equivalent]) -> None:
        """Count a tried error."""
        if trial.outcome in _NOTICED | _NOT_COUNTED:
            self.counts[trial.outcome] += 1
        elif _is_equivalent(trial, equivalents):
            self.equivalent += 1
        else:
            self.counts[trial.outcome] += 1
            self.missed.append(trial)


def read_equivalents(path: Path) -> tuple[Equivalent, ...]:
    """Return the equivalent changes that a file lists."""
    found = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
    return tuple(Equivalent(**entry) for entry in found)


def table(results: Iterable[Results]) -> str:
    """Return the results as a table in Markdown."""
    lines = [
        "| part | errors possible | tried | noticed | waiting | missed | equivalent | broken | noticed, % | aim |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for each in results:
        tried = each.counted + each.equivalent + each.counts[Outcome.BROKEN]
        part = "" if each.noticed is None else f"{each.noticed:.0f}"
        verdict = "" if each.noticed is None else f" {'reached' if each.is_reached else 'missed'}"
        noticed = each.counted - len(each.missed)
        lines.append(
            f"| {each.target.name} | {each.possible} | {tried} | {noticed} | {each.counts[Outcome.HANGS]} "
            f"| {len(each.missed)} | {each.equivalent} | {each.counts[Outcome.BROKEN]} | {part} "
            f"| {each.target.aim}:{verdict} |"
        )
    return "\n".join(lines)


def describe(trial: Trial) -> str:
    """Return an error as a person reads it: where it is, and what it changes."""
    mutant = trial.mutant
    how = "no test runs this line" if trial.outcome is Outcome.UNREACHED else f"{trial.tests} tests passed"
    lines = [f"{mutant.module}:{mutant.line}: {mutant.operator} {mutant.occurrence}: {how}"]
    lines += [f"  - {line.strip()}" for line in trial.change.before]
    lines += [f"  + {line.strip()}" for line in trial.change.after]
    return "\n".join(lines)


def count_possible(drawn: Sequence[tuple[Target, Mutant]]) -> Counter[str]:
    """Return the number of drawn errors by target."""
    return Counter(target.name for target, _ in drawn)


def _is_equivalent(trial: Trial, equivalents: Collection[Equivalent]) -> bool:
    before, after = ("\n".join(line.strip() for line in lines) for lines in (trial.change.before, trial.change.after))
    module = trial.mutant.module.as_posix()
    return any((each.module, each.before, each.after) == (module, before, after) for each in equivalents)
