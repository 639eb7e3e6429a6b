"""Which open transactions are polled, when, and in which way with the fewest requests; pure.

Open rows are grouped by the second of their creation, as DVS's list can be queried by creation date. The oldest few are
sampled closely while they are older than any row that was sampled before: they show when transactions complete. The
others wait until, by that, four in ten of them are expected to be final, so that a long run reads each page of the list
about once per usual completion time. Rows that fit into one page are polled every time. While nothing else needs the
rate limit, rows are polled all the same whose state is too old to decide on.
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
from bulk_topup.engine.poll_policy import PollPolicy

#: Maximum transactions in the list that the sampled rows, the oldest open ones, take up.
SAMPLED: Final = 3 * PER_PAGE_MAX
#: The share of a second's open rows that must be expected to be final for them to be polled.
WORTH_POLLING: Final = 0.4
#: Sampled rows are polled again when their age has grown by this factor.
SAMPLE_AGAIN: Final = 1.3
#: Age, in shortest waits, at which rows are polled that were never polled and of whose age nothing is known: those that
#: an earlier invocation left open.
FIRST_POLL: Final = 30.0
#: Age, in shortest waits, up to which a first poll of rows shows when they became final.
YOUTH: Final = 10.0
#: While rows are submitted, polls are rarer by this factor, once it is known what usually happens at first.
WHILE_SUBMITTING: Final = 5.0
#: Fewer transactions in the list than this wait for others that will be worth polling, as each query for a part of the
#: list ends with a page that is not full.
BATCH: Final = 5 * PER_PAGE_MAX
#: The share by which their age may grow meanwhile.
BATCH_WAIT: Final = 0.15
#: How old the state of open rows may be while the rate limit is idle: in shortest waits, and as a share of their age.
FRESH: Final = 2.5
FRESH_SHARE: Final = 1 / 60
#: Maximum open rows of one query: they are in memory while the list is read.
MAX_QUERY_ROWS: Final = 10_000
#: Maximum number of seconds for which the length of the list is remembered.
REMEMBERED: Final = 100_000


@dataclass(kw_only=True, slots=True)
class Slice:
    """The open rows whose transactions were created in one second."""

    #: In UTC, as creation dates start with it: `2026-11-24T20:05:05`.
    second: str
    count: int
    #: The first and the last creation date.
    oldest: datetime
    newest: datetime
    #: The number of rows by operator.
    operators: dict[int | None, int]
    #: Whether they are polled closely to learn when transactions complete.
    is_sampled: bool = False


@dataclass(kw_only=True, slots=True)
class PollQuery:
    """Consecutive slices that are polled together: by a sweep of the list, or row by row."""

    slices: list[Slice]
    #: Open rows.
    count: int
    #: Transactions that the list is expected to show from the first to the last slice.
    listed: int

    @property
    def pages(self) -> int:
        """Expected requests of a sweep of the list; each window of its span takes at least one."""
        windows = (self.slices[-1].newest - self.slices[0].oldest) // LONGEST_WINDOW + 1
        return windows - 1 + -(-max(self.listed, 1) // PER_PAGE_MAX)

    @property
    def is_sweep(self) -> bool:
        """Whether a sweep takes fewer requests than looking up each row."""
        return self.pages < self.count

    @property
    def requests(self) -> int:
        """Expected requests of the cheaper way."""
        return min(self.pages, self.count)

    def merge(self, other: "PollQuery", between: int) -> bool:
        """Add the slices of another query if both together take no more requests; return whether they were added.

        Args:
            other: the query that follows.
            between: transactions that the list shows in between.
        """
        apart, before = self.requests + other.requests, (self.count, self.listed)
        self.slices += other.slices
        self.count += other.count
        self.listed += other.listed + between
        if self.is_sweep and self.requests <= apart and self.count <= MAX_QUERY_ROWS:
            return True
        del self.slices[-len(other.slices) :]
        self.count, self.listed = before
        return False


@dataclass(kw_only=True, slots=True)
class PollTally:
    """How many open rows were polled, and how many of them were final, by second and operator."""

    rows: dict[str, Counter[int | None]] = field(default_factory=dict)
    ended: dict[str, Counter[int | None]] = field(default_factory=dict)

    def add(self, second: str, operator_id: int | None, *, has_ended: bool) -> None:
        """Count a polled row."""
        self.rows.setdefault(second, Counter())[operator_id] += 1
        self.ended.setdefault(second, Counter())[operator_id] += has_ended


@dataclass(kw_only=True, slots=True)
class PollSchedule:
    """Remembers what was polled, and decides what is worth polling.

    Args:
        policy: how often to poll.
        patience: seconds after which rows are polled again, whatever is expected of them.
    """

    policy: PollPolicy
    patience: float
    #: When the rows of a second were polled last.
    _polled: dict[str, datetime] = field(default_factory=dict)
    #: Since when the rows of a second are worth polling.
    _worth_since: dict[str, datetime] = field(default_factory=dict)
    #: How many transactions DVS lists for a second, those of other runs and programs included.
    _listed: dict[str, int] = field(default_factory=dict)
    #: The age of the newest open rows, in seconds, when it was last asked what is due.
    _youngest: float = 0.0
    #: What is known of completion times.
    completion_times: CompletionTimes = field(init=False)

    def __post_init__(self) -> None:
        self.completion_times = CompletionTimes(youth=YOUTH * self.policy.shortest)

    @property
    def wait_while_submitting(self) -> float:
        """Seconds between polls while rows are submitted."""
        is_new = self.completion_times.known_to < FIRST_POLL * self.policy.shortest
        return self.policy.shortest * (1 if is_new else WHILE_SUBMITTING)

    @property
    def longest_wait(self) -> float:
        """Maximum seconds between polls while the rate limit is idle."""
        return self._fresh_for(self._youngest)

    def due(self, seconds: Iterable[OpenSecond], now: datetime, *, spare: float = 0.0) -> list[Slice]:
        """Return the slices to poll now, oldest first.

        Args:
            seconds: the open rows.
            now: the time, in UTC.
            spare: requests that nothing else needs, for rows whose state is old.
        """
        slices = list(_slices(seconds))
        self._youngest = min((self._ages(each, now)[0] for each in slices), default=0.0)
        self._polled = {each.second: at for each in slices if (at := self._polled.get(each.second)) is not None}
        listed = 0
        for each in slices:
            each.is_sampled = listed < SAMPLED
            listed += self._listing(each)
        if listed <= PER_PAGE_MAX:
            return slices
        sampled = {each.second for each in slices if each.is_sampled and self._is_new_age(each, now)}
        worth = {each.second for each in slices if self._is_worth_polling(each, now)}
        self._worth_since = {second: self._worth_since.get(second, now) for second in worth}
        if len(worth | sampled) < len(slices) and not self._is_batch(slices, now):
            worth.clear()
        chosen = worth | sampled
        chosen |= self._stale([each for each in slices if each.second not in chosen], now, spare)
        return [each for each in slices if each.second in chosen]

    def queries(self, due: Sequence[Slice]) -> list[PollQuery]:
        """Join slices into queries that take the fewest requests; those polled longest ago come first."""
        queries: list[PollQuery] = []
        known = sorted(second for second in self._listed if due and due[0].second < second < due[-1].second)
        index = 0
        for each in due:
            between = 0
            while index < len(known) and known[index] < each.second:
                is_last = bool(queries) and known[index] == queries[-1].slices[-1].second
                between += 0 if is_last else self._listed[known[index]]
                index += 1
            query = PollQuery(slices=[each], count=each.count, listed=self._listing(each))
            if not (queries and queries[-1].merge(query, between)):
                queries.append(query)
        return sorted(queries, key=lambda query: min(self._polled_at(each) for each in query.slices))

    def record_poll(self, query: PollQuery, now: datetime, listed: Mapping[str, int]) -> None:
        """Record that a query was made, and how many transactions the list showed for each second."""
        for each in query.slices:
            self._polled[each.second] = now
        self._listed.update(listed)
        while len(self._listed) > REMEMBERED:
            del self._listed[next(iter(self._listed))]

    def record_results(self, slices: Iterable[Slice], now: datetime, tally: PollTally) -> None:
        """Record which of the polled rows of slices were final."""
        for each in slices:
            if each.is_sampled:
                age, before = self._ages(each, now)
                for operator_id, number in tally.rows.get(each.second, {}).items():
                    ended = tally.ended[each.second][operator_id]
                    self.completion_times.record_results(
                        operator_id, before=before, age=age, number=number, ended=ended
                    )

    def _is_worth_polling(self, each: Slice, now: datetime) -> bool:
        age, before = self._ages(each, now)
        expected = sum(
            number * self.completion_times.share(operator_id, before=before, age=age)
            for operator_id, number in each.operators.items()
        )
        is_overlooked = not before and age > max(self.completion_times.known_to, FIRST_POLL * self.policy.shortest)
        return expected >= WORTH_POLLING * each.count or is_overlooked or age - before >= self.patience

    def _stale(self, slices: Iterable[Slice], now: datetime, spare: float) -> set[str]:
        """Return the seconds whose rows were polled longest ago, as many as spare requests can read."""
        stale: set[str] = set()
        listed = 0
        for each in sorted(slices, key=lambda each: (self._polled_at(each), each.second)):
            age, before = self._ages(each, now)
            if age - before >= self._fresh_for(age):
                listed += self._listing(each)
                if listed > spare * PER_PAGE_MAX:
                    break
                stale.add(each.second)
        return stale

    def _fresh_for(self, age: float) -> float:
        """Return how many seconds old the state of rows of an age may be."""
        return max(FRESH * self.policy.shortest, FRESH_SHARE * age)

    def _is_new_age(self, each: Slice, now: datetime) -> bool:
        """Return True if rows are older than any that was sampled before, and older than at their last poll."""
        age, before = self._ages(each, now)
        is_later = age >= SAMPLE_AGAIN * before or age - before >= self.policy.longest
        return is_later and (now - each.oldest).total_seconds() > self.completion_times.known_to

    def _is_batch(self, slices: Iterable[Slice], now: datetime) -> bool:
        """Return True if the slices worth polling are enough, or have waited long enough for others."""
        listed = 0
        for each in slices:
            since = self._worth_since.get(each.second)
            if since is not None:
                listed += self._listing(each)
                if listed >= BATCH or (now - since).total_seconds() >= BATCH_WAIT * self._ages(each, now)[0]:
                    return True
        return False

    def _ages(self, each: Slice, now: datetime) -> tuple[float, float]:
        """Return the age, in seconds, of a slice's rows now and at their last poll."""
        polled_at = self._polled.get(each.second)
        before = 0.0 if polled_at is None else (polled_at - each.newest).total_seconds()
        return max(0.0, (now - each.newest).total_seconds()), max(0.0, before)

    def _listing(self, each: Slice) -> int:
        return max(each.count, self._listed.get(each.second, 0))

    def _polled_at(self, each: Slice) -> datetime:
        return self._polled.get(each.second, each.oldest)


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
    """Return the second of a creation date in UTC, which names a slice."""
    return date.isoformat()[:19]
