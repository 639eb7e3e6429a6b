"""Random histories of edits, names, backups and late requests pay nobody twice and forget nobody; faults are found."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from bulk_topup.ledger import earlier_payments
from chaos.__main__ import main
from chaos.histories.judge import disagreeing_books, forgotten, paid_twice, unpaid, wrong_success
from chaos.histories.moves import MOVES
from chaos.histories.office import End, Office, Trouble
from chaos.histories.operator import end_period, start
from chaos.histories.people import (
    SINGAPORE,
    Person,
    core_of,
    draw_person,
    e164,
    lines_of,
    spell_nearly,
    spell_otherwise,
)
from chaos.histories.play import DRAWN, History, PlayedHistory, Step, draw_history, play, shrink

#: Histories that are played, a few in each test, so that tests run side by side.
HISTORIES = 20
AT_ONCE = 5
PERSON = Person(name="Person 0", product=SINGAPORE, amounts=("5",), mobile="+6595100400")


@pytest.mark.parametrize("first", range(1, HISTORIES + 1, AT_ONCE))
def test_no_history_pays_a_person_twice_or_forgets_one(first: int) -> None:
    played = [play(draw_history(seed)) for seed in range(first, first + AT_ONCE)]
    assert [each.text() for each in played if each.complaints] == []


def test_a_seed_leads_to_the_same_history_and_all_moves_are_drawn() -> None:
    drawn = [draw_history(seed) for seed in range(200)]
    assert drawn == [draw_history(seed) for seed in range(200)]
    assert {step.move for history in drawn for step in history.steps} == set(MOVES) == set(DRAWN)


def test_a_spelling_changes_nothing_that_tells_people_apart() -> None:
    draws = Random(1)  # noqa: S311 - no secret
    products = (6418, 7712, 9240, 9105)
    people = [draw_person(draws, number, products, has_duplicates=True) for number in range(60)]
    assert len({core for each in people for core in each.cores}) == sum(len(each.cores) for each in people)
    for line in [line for person in people for line in lines_of(person, "2026-11", 1)]:
        spelled = spell_nearly(draws, spell_otherwise(draws, spell_otherwise(draws, line)))
        assert core_of(e164(spelled.phone) if spelled.phone else spelled.account) in line.person.cores


def _history(*moves: str, people: tuple[Person, ...] = (PERSON,), **settings: Any) -> History:
    drawn = draw_history(1)
    steps = tuple(Step(move, 1) for move in moves)
    of_lists = {"is_job": False, "is_earlier": False, "skips_refused": True, "has_references": False}
    return replace(drawn, people=people, steps=steps, **{**of_lists, **settings})


def _broken(history: History) -> PlayedHistory:
    """Play a history with a product that compares nothing when it sends."""
    with patch.object(earlier_payments, "refuse_claimed", lambda _file, _connection, _run, rows: rows):
        return play(history)


def test_a_product_that_pays_twice_is_found_and_its_history_is_shortened() -> None:
    long = _history("wait", "key rotation", "wait", "two starts at once", "wait")
    assert play(long).complaints == ()
    failed = shrink(_broken(long), _broken)
    assert [step.move for step in failed.history.steps] == ["two starts at once"]
    assert failed.complaints == ("Paid twice: Person 0, product 6418 5: 2 payments, 1 due in 2026-11.",)
    assert "1. two starts at once: start 'rewards' and " in failed.text()


@pytest.fixture
def office(tmp_path: Path) -> Any:
    history = _history()
    office = Office(
        tmp_path,
        start=history.start,
        products=(SINGAPORE,),
        is_job=False,
        has_references=False,
        has_duplicates=False,
        is_earlier=False,
        skips_refused=True,
    )
    office.add(PERSON, lines_of(PERSON, office.period.name, 0), 0)
    yield office
    office.close()


def test_who_is_unpaid_although_all_is_said_to_be_done_is_found(office: Office) -> None:
    assert list(wrong_success(office, End(code=0))) == ["Forgotten: exit 0, but Person 0, product 6418 5: 1 unpaid."]
    end = start(office, Trouble())
    assert (end.code, unpaid(office).total(), office.complaints) == (0, 0, [])
    assert [*paid_twice(office), *forgotten(office, [end]), *disagreeing_books(office)] == []
    office.provider.transactions.clear()
    assert [each.partition(":")[0] for each in forgotten(office, [end])] == ["Forgotten"]
    assert {each.partition(":")[0] for each in disagreeing_books(office)} == {"Books"}


def test_a_line_that_no_report_has_is_found(office: Office) -> None:
    end = start(office, Trouble())
    office.lines += lines_of(replace(PERSON, name="Person 1"), office.period.name, 1)
    assert any("is in no report" in each for each in forgotten(office, [end]))


def test_wallets_that_differ_from_the_rows_are_found(office: Office) -> None:
    start(office, Trouble())
    office.provider.wallets["USD"].spent += Decimal("0.01")
    assert ["was spent" in each for each in disagreeing_books(office)] == [True]


def test_a_payment_to_nobody_in_the_list_is_found(office: Office) -> None:
    start(office, Trouble())
    office.people.clear()
    assert [each.partition(",")[0] for each in paid_twice(office)] == ["Paid twice: nobody in the list (95100400)"]


def test_a_person_whose_rows_failed_is_named_at_the_end_of_a_period(office: Office) -> None:
    start(office, Trouble(fates=("no balance", "no balance")))
    end_period(office)
    assert (office.complaints, unpaid(office).total()) == ([], 0)


def test_the_command_plays_a_history_again() -> None:
    result = CliRunner().invoke(main, ["--history", "3"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("History 3: ")
