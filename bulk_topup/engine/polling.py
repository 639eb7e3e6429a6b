"""Which open transactions are asked for, when, and in which way with the fewest requests; touches nothing.

Open rows are taken by the second of their creation, as the provider's list can be asked for by creation date. The
oldest few are followed closely while they are older than any row was that was followed before: they show when
transactions end. The others wait until by that four in ten of them are expected to be final, so that in a long run
each page of the list is read about once for each way of ending. What fits into one page is asked for at every poll.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final

from bulk_topup.domain.attempt import OpenSecond
from bulk_topup.dvs.field_limits import PER_PAGE_MAX
from bulk_topup.dvs.resources.transactions import LONGEST_WINDOW
from bulk_topup.engine.completion_times import CompletionTimes

#: Transactions in the list that the oldest open rows may take up to be followed.
FOLLOWED: Final = 3 * PER_PAGE_MAX
#: The share of a second's open rows that has to be expected to be final for them to be asked for.
WORTH_ASKING: Final = 0.4
#: Rows that are followed are asked for again when their age has grown by this factor.
FOLLOWED_AGAIN: Final = 1.3
#: Rows that were never asked for and of whose age nothing is known are asked for when they are as old as so many of the
#: shortest waits: a start goes on with what an earlier one left.
FIRST_TIME: Final = 30.0
#: A first look at rows no older than so many of the shortest waits says when they ended.
YOUTH: Final = 10.0
#: While rows are submitted polls are rarer by this factor, once it is known what happens in the first while.
WHILE_SUBMITTING: Final = 5.0
#: Fewer transactions in the list than these wait for others that will be worth asking for, until their age has grown
#: by this share: each question for a part of the list ends with a page that is not full.
BATCH: Final = 5 * PER_PAGE_MAX
BATCH_WAIT: Final = 0.15
#: Open rows that are asked for together, at most: so many are known by heart while the list is read.
TOGETHER: Final = 10_000
#: Seconds of which it is remembered how much the provider lists.
REMEMBERED: Final = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PollPolicy:
    """How often open transactions are asked for, in seconds."""

    #: Between the first questions.
    shortest: float = 2.0
    #: What the wait grows to while nothing changes.
    longest: float = 60.0
    #: By how much it grows each time that nothing changed.
    growth: float = 1.5

    def next_wait(self, wait: float, changed: int, open_before: int) -> float:
        """Give the next wait: back to the shortest after many changes, as it is after few, longer after none."""
        if changed * 10 >= open_before > 0:
            return self.shortest
        return wait if changed else min(self.longest, wait * self.growth)


@dataclass(kw_only=True, slots=True)
class Slice:
    """The open rows whose transactions were created in one second."""

    second: str
    count: int
    oldest: datetime
    newest: datetime
    #: Their number by operator.
    operators: dict[int | None, int]
    #: Whether they are followed to learn from them.
    is_followed: bool = False


@dataclass(kw_only=True, slots=True)
class Question:
    """Slices that follow each other, asked for together: by a sweep of the list, or row by row."""

    slices: list[Slice]
    #: Open rows.
    count: int
    #: Transactions that the list is expected to show from the first to the last of them.
    listed: int

    @property
    def pages(self) -> int:
        """Requests that a sweep of the list is expected to take; each window of its span takes one at least."""
        windows = (self.slices[-1].newest - self.slices[0].oldest) // LONGEST_WINDOW + 1
        return windows - 1 + -(-max(self.listed, 1) // PER_PAGE_MAX)

    @property
    def is_sweep(self) -> bool:
        """Whether the list takes fewer requests than asking for each row."""
        return self.pages < self.count

    @property
    def requests(self) -> int:
        """Requests that the cheaper way is expected to take."""
        return min(self.pages, self.count)

    def takes(self, other: "Question", between: int) -> bool:
        """Take in the slices of another question if both together take no more requests; tell whether they did.

        Args:
            other: what follows.
            between: transactions that the list shows in between.
        """
        apart, here = self.requests + other.requests, (self.count, self.listed)
        self.slices += other.slices
        self.count += other.count
        self.listed += other.listed + between
        if self.is_sweep and self.requests <= apart and self.count <= TOGETHER:
            return True
        del self.slices[-len(other.slices) :]
        self.count, self.listed = here
        return False


@dataclass(kw_only=True, slots=True)
class PollTally:
    """How many open rows were looked at and how many of them had ended, by second and operator."""

    rows: dict[str, Counter[int | None]] = field(default_factory=dict)
    ended: dict[str, Counter[int | None]] = field(default_factory=dict)

    def add(self, second: str, operator_id: int | None, *, has_ended: bool) -> None:
        """Count a row."""
        self.rows.setdefault(second, Counter())[operator_id] += 1
        self.ended.setdefault(second, Counter())[operator_id] += has_ended


@dataclass(kw_only=True, slots=True)
class PollSchedule:
    """Remembers what was asked for, and tells what is worth asking for.

    Args:
        policy: how often to ask.
        patience: seconds after which rows are asked for again, whatever is expected.
    """

    policy: PollPolicy
    patience: float
    #: When the rows of a second were asked for last.
    _asked: dict[str, datetime] = field(default_factory=dict)
    #: Since when they are worth asking for.
    _worth_since: dict[str, datetime] = field(default_factory=dict)
    #: What the provider lists for a second, whoever created it.
    _listed: dict[str, int] = field(default_factory=dict)
    endings: CompletionTimes = field(init=False)

    def __post_init__(self) -> None:
        self.endings = CompletionTimes(youth=YOUTH * self.policy.shortest)

    @property
    def wait_while_submitting(self) -> float:
        """Give the seconds between polls while rows are submitted."""
        is_new = self.endings.known_to < FIRST_TIME * self.policy.shortest
        return self.policy.shortest * (1 if is_new else WHILE_SUBMITTING)

    def due(self, seconds: Iterable[OpenSecond], now: datetime) -> list[Slice]:
        """Give the slices that are worth asking for now, oldest first."""
        slices = list(_slices(seconds))
        self._asked = {each.second: at for each in slices if (at := self._asked.get(each.second)) is not None}
        listed = 0
        for each in slices:
            each.is_followed = listed < FOLLOWED
            listed += self._listing(each)
        if listed <= PER_PAGE_MAX:
            return slices
        followed = {each.second for each in slices if each.is_followed and self._is_new_age(each, now)}
        worth = {each.second for each in slices if self._is_worth_asking(each, now)}
        self._worth_since = {second: self._worth_since.get(second, now) for second in worth}
        if len(worth | followed) < len(slices) and not self._is_batch(slices, now):
            worth.clear()
        return [each for each in slices if each.second in worth or each.second in followed]

    def questions(self, due: Sequence[Slice]) -> list[Question]:
        """Put slices together as it takes the fewest requests; those asked for longest ago come first."""
        made: list[Question] = []
        known = sorted(second for second in self._listed if due and due[0].second < second < due[-1].second)
        place = 0
        for each in due:
            between = 0
            while place < len(known) and known[place] < each.second:
                between += 0 if made and known[place] == made[-1].slices[-1].second else self._listed[known[place]]
                place += 1
            question = Question(slices=[each], count=each.count, listed=self._listing(each))
            if not (made and made[-1].takes(question, between)):
                made.append(question)
        return sorted(made, key=lambda question: min(self._asked_at(each) for each in question.slices))

    def asked(self, question: Question, now: datetime, listed: Mapping[str, int]) -> None:
        """Take in that a question was asked, and how many transactions the list showed of each second."""
        for each in question.slices:
            self._asked[each.second] = now
        self._listed.update(listed)
        while len(self._listed) > REMEMBERED:
            del self._listed[next(iter(self._listed))]

    def record_results(self, slices: Iterable[Slice], now: datetime, looks: "PollTally") -> None:
        """Take in what was seen of the rows of slices."""
        for each in slices:
            if each.is_followed:
                age, before = self._ages(each, now)
                for operator_id, number in looks.rows.get(each.second, {}).items():
                    ended = looks.ended[each.second][operator_id]
                    self.endings.record_results(operator_id, before=before, age=age, number=number, ended=ended)

    def _is_worth_asking(self, each: Slice, now: datetime) -> bool:
        age, before = self._ages(each, now)
        expected = sum(
            number * self.endings.share(operator_id, before=before, age=age)
            for operator_id, number in each.operators.items()
        )
        is_overlooked = not before and age > max(self.endings.known_to, FIRST_TIME * self.policy.shortest)
        return expected >= WORTH_ASKING * each.count or is_overlooked or age - before >= self.patience

    def _is_new_age(self, each: Slice, now: datetime) -> bool:
        """Tell whether rows are older than any that was followed before, and than when they were asked for last."""
        age, before = self._ages(each, now)
        is_later = age >= FOLLOWED_AGAIN * before or age - before >= self.policy.longest
        return is_later and (now - each.oldest).total_seconds() > self.endings.known_to

    def _is_batch(self, slices: Iterable[Slice], now: datetime) -> bool:
        """Tell whether those worth asking for are enough, or have waited long enough for others."""
        listed = 0
        for each in slices:
            since = self._worth_since.get(each.second)
            if since is not None:
                listed += self._listing(each)
                if listed >= BATCH or (now - since).total_seconds() >= BATCH_WAIT * self._ages(each, now)[0]:
                    return True
        return False

    def _ages(self, each: Slice, now: datetime) -> tuple[float, float]:
        """Give the age, in seconds, that a slice's rows have, and had when they were asked for last."""
        asked = self._asked.get(each.second)
        before = 0.0 if asked is None else (asked - each.newest).total_seconds()
        return max(0.0, (now - each.newest).total_seconds()), max(0.0, before)

    def _listing(self, each: Slice) -> int:
        return max(each.count, self._listed.get(each.second, 0))

    def _asked_at(self, each: Slice) -> datetime:
        return self._asked.get(each.second, each.oldest)


def _slices(seconds: Iterable[OpenSecond]) -> Iterator[Slice]:
    for second, parts in groupby(seconds, key=lambda part: part.second):
        of = list(parts)
        yield Slice(
            second=second,
            count=sum(part.count for part in of),
            oldest=min(part.oldest for part in of),
            newest=max(part.newest for part in of),
            operators={part.operator_id: part.count for part in of},
        )


def second_of(date: datetime) -> str:
    """Give the second of a creation date, in UTC, as slices are named by it."""
    return date.isoformat()[:19]
