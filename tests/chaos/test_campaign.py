"""A bounded part of the campaign, each named instant once, and proof that it finds a product that was made wrong."""

from pathlib import Path
from random import Random

import pytest

from chaos.breakage import INSTANTS, SABOTAGES, Breakage, parse
from chaos.campaign import Campaign, run_campaign
from chaos.lists import draw_list
from chaos.plan import Scenario, Start, draw_scenario, instant_scenario

#: The seeds of the bounded part: together they meet most kinds of faults, in seconds.
SEEDS = (2002, 2004, 2008, 2009, 2010, 2022, 2025, 2026, 2027, 2028, 2033, 2034)


def test_a_seed_gives_the_same_scenario_every_time() -> None:
    assert [draw_scenario(seed) for seed in range(50)] == [draw_scenario(seed) for seed in range(50)]


def test_what_breaks_a_runner_survives_being_written_as_words() -> None:
    breakages = [start.breakage for seed in range(200) for start in draw_scenario(seed).starts]
    breakages += [Breakage(sabotage=kind) for kind in SABOTAGES]
    for breakage in breakages:
        assert parse([*breakage.words, "--", "run", "list.csv"]) == (breakage, ["run", "list.csv"])


def test_a_run_that_dies_at_any_named_instant_pays_everybody_once_when_it_is_started_again(tmp_path: Path) -> None:
    scenarios = [instant_scenario(instant) for instant in INSTANTS]
    campaign = run_campaign(scenarios, folder=tmp_path, jobs=2, tell=lambda _: None)
    assert _failures(campaign) == []
    assert {each.kinds[0]: each.ends[0] for each in campaign.played} == {
        f"killed {instant}": "SIGKILL" for instant in INSTANTS
    }


def test_nobody_is_paid_twice_and_nobody_forgotten_whatever_goes_wrong(tmp_path: Path) -> None:
    campaign = run_campaign(map(draw_scenario, SEEDS), folder=tmp_path, jobs=2, tell=lambda _: None)
    assert len(campaign.played) == len(SEEDS)
    assert _failures(campaign) == []


@pytest.mark.parametrize(
    ("sabotage", "complaint"),
    [("random_ids", "Paid twice"), ("second_payment", "Paid twice"), ("forgotten_line", "Forgotten")],
)
def test_a_product_that_was_made_wrong_is_found_out(tmp_path: Path, sabotage: str, complaint: str) -> None:
    list_ = draw_list(Random(1), rows=9, has_references=True, has_duplicates=False, has_bad_rows=False)  # noqa: S311
    starts = (Start(kinds=("calm",)), Start(kinds=("ledger lost",), damage="ledger lost"))
    scenario = Scenario(seed=0, list_=list_, options=(), starts=starts)
    campaign = run_campaign([scenario], folder=tmp_path, jobs=1, tell=lambda _: None, sabotage=sabotage)
    assert any(each.startswith(complaint) for each in campaign.failed[0].complaints)


def _failures(campaign: Campaign) -> list[str]:
    return [f"{each.seed}: {complaint}" for each in campaign.failed for complaint in each.complaints]
