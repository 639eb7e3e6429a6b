"""The ledger compared with a small model in Python, for any order of lists, claims, results and retries."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bulk_topup.domain.attempt import Facts, Move
from bulk_topup.domain.identity import external_id
from bulk_topup.domain.states import MOVES, RowState
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow, staged

MakeRow = Callable[[int, "Said"], CheckedRow]

R = RowState
SENT = {R.IN_FLIGHT, R.ACCEPTED, R.COMPLETED, R.REVERSED, R.CONFLICT}
PEOPLE = 5

#: A row of a list: a person, and an amount, None if it is refused.
Said = tuple[int, str | None]
#: The rows of a list by identity; an absent identity is not in the list.
lists = st.integers(0, 3).flatmap(
    lambda shift: st.dictionaries(st.integers(0, PEOPLE), st.sampled_from(["10", "20", None])).map(
        lambda amounts: {who: ((who + (shift == 3)) % PEOPLE, amount) for who, amount in amounts.items()}
    )
)
#: Outcomes of an attempt in flight, and whether DVS has a transaction then.
answers = st.sampled_from(
    [
        (R.PENDING, False),
        (R.ACCEPTED, True),
        (R.COMPLETED, True),
        (R.FAILED, True),
        (R.FAILED, False),
        (R.REVERSED, True),
        (R.CONFLICT, False),
    ]
)


@dataclass
class Model:
    """The expected state of one row."""

    state: RowState
    request: str | None
    #: The credit party of the request; it does not change once the row was sent.
    person: int
    #: Whether the row can't be sent as it is in the list now.
    is_refused: bool
    is_in_list: bool = True
    #: Whether the list changed after the row was sent, and was not read again since.
    is_contradicted: bool = False
    attempt: int = 0
    has_transaction: bool = False
    #: The amount sent by each attempt number.
    sent: dict[int, str] = field(default_factory=dict)


@pytest.fixture
def make_row(row: Callable[..., CheckedRow]) -> MakeRow:
    def make(who: int, said: Said) -> CheckedRow:
        person, amount = said
        refused = "" if amount else "No."
        return row(person, amount or "1", line=who + 2, identity=f"reference:{who}", refused=refused)

    return make


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self, make_row: MakeRow) -> None:
        super().__init__()
        self.make_row = make_row
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.ledger = LedgerStore(self.path)
        self.rows: dict[int, Model] = {}
        self.transactions = 0
        #: The identities of each person in all lists.
        self.together: dict[int, list[set[int]]] = {person: [] for person in range(PEOPLE)}
        self.merge({0: (0, "10"), 1: (1, "20"), PEOPLE: (0, None)})

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    def in_state(self, *states: RowState) -> list[int]:
        return [who for who, known in self.rows.items() if known.state in states]

    def row_id(self, who: int) -> int:
        found = self.ledger.file.connection.execute("SELECT id FROM rows WHERE identity = ?", (f"reference:{who}",))
        return int(found.fetchone()[0])

    def move(self, who: int, after: RowState, *, has_transaction: bool) -> Move:
        facts = None
        if has_transaction:
            self.transactions += 1
            facts = Facts(
                transaction_id=self.transactions,
                creation_date=datetime(2026, 11, 1, tzinfo=UTC),
                status_class=after.name,
                status_message=after.name,
                price=Decimal(1),
                fee=None,
                price_unit="USD",
                operator_reference=None,
            )
        known = self.rows[who]
        return Move(
            row_id=self.row_id(who),
            attempt=known.attempt,
            before=known.state,
            after=after,
            cause="test",
            facts=facts,
        )

    @rule(new=lists)
    def merge(self, new: dict[int, Said]) -> None:
        rows = {who: self.make_row(who, said) for who, said in sorted(new.items())}
        self.ledger.staging.clear()
        self.ledger.staging.add(staged(rows.values()))
        self.run = self.ledger.staging.merge(
            job="j", run_key="k", environment="sandbox", list_path="x", columns=("a", "b")
        )
        for person, lists_of_person in self.together.items():
            lists_of_person.append({who for who, said in new.items() if said[0] == person})
        unlisted = {
            known.person
            for who, known in self.rows.items()
            if known.state in SENT and (who not in new or new[who][0] != known.person)
        }
        for who, known in self.rows.items():
            if who not in new:
                known.is_in_list = False
                if known.state is R.PENDING:
                    known.state = R.REFUSED
        for who, given in rows.items():
            person = new[who][0]
            is_held = person in unlisted
            request = None if is_held or given.request is None else given.request.decode()
            state = R.PENDING if request else R.REFUSED
            old = self.rows.get(who)
            if old is None:
                self.rows[who] = Model(state=state, request=request, person=person, is_refused=request is None)
                continue
            old.is_in_list = True
            said = None if given.request is None else given.request.decode()
            old.is_contradicted = old.state in SENT and said != old.request
            if old.state not in SENT:
                old.request, old.person, old.is_refused = request, person, request is None
            if old.state in {R.PENDING, R.REFUSED}:
                old.state = state

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        claimed = self.ledger.attempts.claim(self.run, limit)
        waiting = [who for who in self.in_state(R.PENDING) if self.rows[who].is_in_list]
        on_their_way = {self.rows[who].person for who in self.in_state(R.IN_FLIGHT)}
        pending: list[int] = []
        # Never two payments to one person at the same time.
        for who in [who for who in sorted(waiting, key=self.row_id) if self.rows[who].person not in on_their_way][
            :limit
        ]:
            if self.rows[who].person not in on_their_way:
                on_their_way.add(self.rows[who].person)
                pending.append(who)
        assert [attempt.row_id for attempt in claimed] == [self.row_id(who) for who in pending]
        for who, attempt in zip(pending, claimed, strict=True):
            known = self.rows[who]
            if known.attempt == 0 or known.has_transaction:
                known.attempt += 1
                known.has_transaction = False
            known.state, known.is_contradicted = R.IN_FLIGHT, False
            assert attempt.number == known.attempt
            assert attempt.external_id == external_id("j", "k", f"reference:{who}", known.attempt)
            assert attempt.request.decode() == known.request
            known.sent[known.attempt] = attempt.request.decode()

    @precondition(lambda self: self.in_state(R.IN_FLIGHT))
    @rule(data=st.data(), answer=answers)
    def answer(self, data: Any, answer: tuple[RowState, bool]) -> None:
        after, has_transaction = answer
        who = data.draw(st.sampled_from(self.in_state(R.IN_FLIGHT)))
        self.ledger.attempts.record([self.move(who, after, has_transaction=has_transaction)])
        self.rows[who].state = after
        self.rows[who].has_transaction = has_transaction

    @precondition(lambda self: self.in_state(R.ACCEPTED))
    @rule(data=st.data(), after=st.sampled_from(sorted(MOVES[R.ACCEPTED])))
    def follow(self, data: Any, after: RowState) -> None:
        who = data.draw(st.sampled_from(self.in_state(R.ACCEPTED)))
        self.ledger.attempts.record([self.move(who, after, has_transaction=True)])
        self.rows[who].state = after

    @precondition(lambda self: self.in_state(R.COMPLETED))
    @rule(data=st.data())
    def reverse(self, data: Any) -> None:
        who = data.draw(st.sampled_from(self.in_state(R.COMPLETED)))
        self.ledger.attempts.record([self.move(who, R.REVERSED, has_transaction=True)])
        self.rows[who].state = R.REVERSED

    @rule()
    def retry(self) -> None:
        chosen, _ = self.ledger.retries.choose(self.run, RetryChoice())
        failed = {who: self.rows[who] for who in self.in_state(R.FAILED)}
        wanted = [
            who for who, known in failed.items() if known.is_in_list and known.request and not known.is_contradicted
        ]
        assert self.ledger.retries.apply("retry asked for") == chosen == len(wanted)
        for who in wanted:
            self.rows[who].state = R.PENDING

    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.ledger = LedgerStore(self.path)

    @invariant()
    def outcomes_agree(self) -> None:
        outcomes = list(self.ledger.outcomes.rows(self.run))
        reported = {who: known for who, known in self.rows.items() if known.is_in_list or known.attempt}
        assert [outcome.line for outcome in outcomes] == sorted(who + 2 for who in reported)
        for outcome in outcomes:
            known = reported[outcome.line - 2]
            assert (outcome.state, outcome.attempt) == (known.state, known.attempt)
            assert (outcome.transaction_id is not None) is known.has_transaction
            is_refused = known.state is R.REFUSED or (known.state is R.FAILED and known.is_refused)
            assert bool(outcome.problems) is is_refused
            assert outcome.in_list is known.is_in_list
        counts = self.ledger.rows.counts(self.run)
        assert counts == {state: sum(known.state is state for known in reported.values()) for state in R}
        in_flight = {attempt.row_id for attempt in self.ledger.attempts.in_flight(self.run)}
        accepted = {found.attempt.row_id for found in self.ledger.attempts.accepted(self.run)}
        assert in_flight == {self.row_id(who) for who in self.in_state(R.IN_FLIGHT)}
        assert accepted == {self.row_id(who) for who in self.in_state(R.ACCEPTED)}

    @invariant()
    def the_event_log_tells_every_change(self) -> None:
        for who, known in self.rows.items():
            events = self.ledger.rows.events(self.row_id(who))
            assert events[0].before is None
            assert [event.before for event in events[1:]] == [event.after for event in events[:-1]]
            assert all(event.before is None or event.after in MOVES[event.before] for event in events)
            assert events[-1].after is known.state

    @invariant()
    def nobody_is_paid_twice_but_by_rows_that_a_list_had_at_once(self) -> None:
        for person, together in self.together.items():
            sent = {who for who, known in self.rows.items() if known.state in SENT and known.person == person}
            assert any(sent <= identities for identities in together)

    @invariant()
    def what_was_sent_stands_as_it_was_sent(self) -> None:
        found = self.ledger.file.connection.execute(
            "SELECT r.line - 2, a.number, a.request FROM attempts AS a JOIN rows AS r ON r.id = a.row_id"
        )
        stored = {(who, number): request for who, number, request in found}
        assert stored == {
            (who, number): request for who, known in self.rows.items() for number, request in known.sent.items()
        }


def test_the_ledger_does_what_the_model_does(make_row: MakeRow) -> None:
    run_state_machine_as_test(
        lambda: LedgerMachine(make_row),  # type: ignore[arg-type]  # a factory is as good as a class
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )
