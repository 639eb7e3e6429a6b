"""Which open rows are polled and how, and how many requests that takes in a run on a simulated clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.attempt import OpenSecond
from bulk_topup.dvs.field_limits import PER_PAGE_MAX
from bulk_topup.engine.completion_times import CompletionTimes
from bulk_topup.engine.poll_policy import PollPolicy
from bulk_topup.engine.polling import MAX_QUERY_ROWS, PollQuery, PollSchedule, PollTally, Slice, second_of
from bulk_topup.engine.track import BEFORE_TIMEOUT, SINGLES_PER_POLL

BEGAN = datetime(2026, 11, 24, 8, tzinfo=UTC)


@dataclass
class AcceptedRow:
    """An accepted row, as DVS knows it."""

    created: float
    ends: float
    operator_id: int = 1
    is_known_final: bool = False


@dataclass
class SimulatedRun:
    """A run that is polled by the rules of the tracker, on a clock that the test moves."""

    rows: list[AcceptedRow]
    policy: PollPolicy = field(default_factory=PollPolicy)
    #: Seconds after which no further row is created.
    submitted: float = 0.0
    #: Transactions of other runs in each second of the list.
    others: int = 0
    requests: int = 0
    #: Seconds from each row's completion to the poll that found it.
    late: list[float] = field(default_factory=list)
    by_second: dict[str, list[AcceptedRow]] = field(default_factory=dict)

    def run(self, until: float) -> None:
        polls = PollSchedule(policy=self.policy, patience=1800 * BEFORE_TIMEOUT)
        for row in self.rows:
            self.by_second.setdefault(second_of(_at(row.created)), []).append(row)
        now = wait = self.policy.shortest
        while now < until and (now < self.submitted or any(not row.is_known_final for row in self.rows)):
            seconds = [each for rows in self.by_second.values() for each in _seconds(rows, now)]
            due = polls.due(seconds, _at(now))
            final = 0
            for query in polls.queries(due):
                final += self._poll(polls, query, now)
            if due:
                wait = self.policy.next_wait(wait, final, sum(each.count for each in due))
            now += polls.wait_while_submitting if now < self.submitted else wait

    def _poll(self, polls: PollSchedule, query: PollQuery, now: float) -> int:
        polled = ended = 0
        tally = PollTally()
        for part in query.slices:
            rows = [row for row in self.by_second[part.second] if row.created <= now and not row.is_known_final]
            final = [row for row in rows if row.ends <= now]
            polled += len(rows)
            ended += len(final)
            for row in final:
                row.is_known_final = True
                self.late.append(now - row.ends)
            for row in rows:
                tally.add(part.second, row.operator_id, has_ended=row.ends <= now)
        polls.record_results(query.slices, _at(now), tally)
        if not query.is_sweep:
            assert polled <= SINGLES_PER_POLL
            self.requests += polled
            polls.record_poll(query, _at(now), {})
            return ended
        first, last = query.slices[0].second, query.slices[-1].second
        listed = {
            second: sum(row.created <= now for row in rows) + self.others
            for second, rows in self.by_second.items()
            if first <= second <= last
        }
        self.requests += -(-sum(listed.values()) // PER_PAGE_MAX)
        polls.record_poll(query, _at(now), listed)
        return ended


def _at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def _seconds(rows: Iterable[AcceptedRow], now: float) -> Iterator[OpenSecond]:
    """Yield the open rows that were created in one second, by operator."""
    parts: dict[int, list[datetime]] = {}
    for row in rows:
        if row.created < now and not row.is_known_final:
            parts.setdefault(row.operator_id, []).append(_at(row.created))
    for operator_id, dates in sorted(parts.items()):
        yield OpenSecond(
            second=second_of(dates[0]), operator_id=operator_id, count=len(dates), oldest=dates[0], newest=dates[-1]
        )


def _mixed(number: int, rate: float) -> list[AcceptedRow]:
    """Rows created at a rate, a third each of which ends after 3 s, 20 s and 5 minutes."""
    return [AcceptedRow(created=row / rate, ends=row / rate + (3, 20, 300)[row % 3]) for row in range(number)]


@pytest.mark.parametrize("rate", [20, 100, 500])
def test_ten_thousand_rows_of_mixed_completion_times_take_few_requests(rate: float) -> None:
    run = SimulatedRun(rows=_mixed(10_000, rate), submitted=10_000 / rate)
    run.run(until=3_000)
    assert all(row.is_known_final for row in run.rows)
    # With the 10,000 creations and a few requests for the plan, that is fewer than 1.05 requests per row.
    assert run.requests <= 0.04 * 10_000
    assert max(run.late) <= 100
    assert sum(run.late) / len(run.late) <= 60


def test_transactions_of_other_runs_in_the_same_seconds_cost_few_requests() -> None:
    run = SimulatedRun(rows=_mixed(6_000, 100), submitted=60, others=100)
    run.run(until=3_000)
    assert all(row.is_known_final for row in run.rows)
    assert run.requests <= 0.1 * 6_000


@pytest.mark.parametrize("number", [1, 5, 90])
def test_all_rows_of_a_short_list_are_polled_every_time(number: int) -> None:
    run = SimulatedRun(rows=[AcceptedRow(created=0.1, ends=9) for _ in range(number)], submitted=1)
    run.run(until=3_000)
    assert run.requests <= 5
    assert max(run.late) <= 10


def test_rows_that_complete_much_later_than_any_before_take_few_requests() -> None:
    rows = [AcceptedRow(created=row / 100, ends=row / 100 + (3 if row < 2_000 else 1_000)) for row in range(4_000)]
    run = SimulatedRun(rows=rows, submitted=40)
    run.run(until=10_000)
    assert all(row.is_known_final for row in run.rows)
    assert run.requests <= 0.06 * 4_000
    assert max(run.late) <= 300


def test_completion_times_are_learned_per_operator() -> None:
    times = CompletionTimes(youth=10)
    for operator_id, ends in ((1, 3.0), (2, 30.0)):
        for before, age in ((0.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0), (16.0, 32.0)):
            if before < ends:
                times.record_results(operator_id, before=before, age=age, number=50, ended=50 if age >= ends else 0)
    assert times.share(1, before=0, age=5) == pytest.approx(1)
    assert times.share(2, before=0, age=20) == pytest.approx(0)
    assert times.share(2, before=20, age=35) == pytest.approx(1)
    assert 0 < times.share(3, before=0, age=5) < 1  # an unknown operator: the curve of all


def test_rows_that_were_polled_too_rarely_teach_nothing() -> None:
    times = CompletionTimes(youth=10)
    times.record_results(1, before=0, age=3_600, number=100, ended=100)
    times.record_results(1, before=4, age=100, number=100, ended=100)
    assert times.share(1, before=0, age=7_200) == 0


def test_rows_that_an_earlier_invocation_left_open_are_polled_immediately() -> None:
    polls = PollSchedule(policy=PollPolicy(), patience=720)
    seconds = [each for row in range(900) for each in _seconds([AcceptedRow(created=row, ends=0)], 900)]
    assert len(polls.due(seconds, _at(4_000))) == 900


def test_rows_without_expected_completions_are_polled_again_in_the_end() -> None:
    polls = PollSchedule(policy=PollPolicy(), patience=720)
    seconds = [each for row in range(900) for each in _seconds([AcceptedRow(created=row, ends=0)], 900)]
    for query in polls.queries(polls.due(seconds, _at(4_000))):
        polls.record_poll(query, _at(4_000), {})
    assert len(polls.due(seconds, _at(4_100))) < 900
    assert len(polls.due(seconds, _at(4_720))) == 900


waits = st.floats(0.05, 60)


@given(waits, st.integers(0, 1000), st.integers(1, 1000))
def test_a_wait_stays_between_its_bounds(wait: float, changed: int, open_before: int) -> None:
    policy = PollPolicy(shortest=0.05, longest=60)
    assert 0.05 <= policy.next_wait(wait, min(changed, open_before), open_before) <= 60


def test_polls_become_rarer_only_while_nothing_changes() -> None:
    policy = PollPolicy(shortest=2, longest=60, growth=1.5)
    assert policy.next_wait(2, 0, 100) == 3
    assert policy.next_wait(50, 0, 100) == 60
    assert policy.next_wait(9, 1, 100) == 9
    assert policy.next_wait(9, 10, 100) == 2


def _slice(second: int, count: int) -> Slice:
    date = _at(second)
    return Slice(second=second_of(date), count=count, oldest=date, newest=date, operators={1: count})


@given(st.dictionaries(st.integers(0, 500), st.tuples(st.integers(1, 30), st.integers(0, 400)), min_size=1))
def test_every_part_is_polled_in_the_cheaper_way(parts: dict[int, tuple[int, int]]) -> None:
    polls = PollSchedule(policy=PollPolicy(), patience=720)
    slices = [_slice(second, count) for second, (count, _) in sorted(parts.items())]
    listed = {second_of(_at(second)): max(count, others) for second, (count, others) in parts.items()}
    for query in polls.queries(slices):
        polls.record_poll(query, _at(1_000), listed)
    queries = polls.queries(slices)
    assert sorted(each.second for query in queries for each in query.slices) == sorted(listed)
    apart = sum(min(count, -(-listed[second_of(_at(second))] // PER_PAGE_MAX)) for second, (count, _) in parts.items())
    whole = -(-sum(listed.values()) // PER_PAGE_MAX)
    assert sum(query.requests for query in queries) <= apart
    assert all(query.is_sweep == (query.pages < query.count) for query in queries)
    if whole == 1 and sum(each.count for each in slices) > 1:
        assert [query.requests for query in queries] == [1]


def test_a_day_of_open_rows_is_polled_by_queries_of_bounded_size() -> None:
    slices = [_slice(second, 7) for second in range(30_000)]
    queries = PollSchedule(policy=PollPolicy(), patience=720).queries(slices)
    assert sum(query.count for query in queries) == 7 * 30_000
    assert max(query.count for query in queries) <= MAX_QUERY_ROWS
    assert sum(query.requests for query in queries) <= 1.01 * 7 * 30_000 / PER_PAGE_MAX


def test_a_sweep_of_many_days_takes_one_request_per_day() -> None:
    day = 24 * 3600
    far = [_slice(0, 1), _slice(30 * day, 1)]
    assert [query.is_sweep for query in PollSchedule(policy=PollPolicy(), patience=720).queries(far)] == [False] * 2
    near = [_slice(0, 20), _slice(10 * day, 20)]
    assert sum(query.requests for query in PollSchedule(policy=PollPolicy(), patience=720).queries(near)) == 2


def test_requests_to_spare_read_the_rows_whose_state_is_oldest() -> None:
    polls = PollSchedule(policy=PollPolicy(), patience=720)
    rows = [AcceptedRow(created=row / 100, ends=1_000) for row in range(2_000)]

    def read(now: float, spare: float) -> list[str]:
        due = polls.due(_seconds_of(rows, now), _at(now), spare=spare)
        for query in polls.queries(due):
            polls.record_poll(query, _at(now), {each.second: each.count for each in query.slices})
        return [each.second for each in due]

    while read(100, 1_000):  # all of them were polled just now
        pass
    assert read(103, 20) == []  # not yet old
    assert len(read(106, 0)) == 0
    first, second = read(106, 15), read(106, 15)
    assert len(first) == 15
    assert len(second) == 5  # the others; what was read just now is not read again
    assert not set(first) & set(second)


def test_the_state_of_old_rows_may_be_older() -> None:
    polls = PollSchedule(policy=PollPolicy(), patience=720)
    rows = [AcceptedRow(created=0.0, ends=10_000) for _ in range(200)]
    for now, wait in ((10.0, 5.0), (300.0, 5.0), (1_200.0, 20.0)):
        polls.due(_seconds_of(rows, now), _at(now))
        assert polls.longest_wait == pytest.approx(wait, rel=0.01)


def _seconds_of(rows: list[AcceptedRow], now: float) -> list[OpenSecond]:
    by_second: dict[str, list[AcceptedRow]] = {}
    for row in rows:
        by_second.setdefault(second_of(_at(row.created)), []).append(row)
    return [each for part in by_second.values() for each in _seconds(part, now)]
