"""A part of the campaign, each instant once, and proof that it detects faults of the product."""

from pathlib import Path
from random import Random

import pytest

from chaos.breakage import INSTANTS, SABOTAGES, Breakage, parse
from chaos.campaign import Campaign, run_campaign
from chaos.lists import draw_list
from chaos.plan import Scenario, Start, draw_scenario, instant_scenario

#: The seeds of the part: together they cover most kinds of faults, in seconds.
SEEDS = (2002, 2004, 2008, 2009, 2010, 2022, 2025, 2026, 2027, 2028, 2033, 2034)


def test_a_seed_leads_to_the_same_scenario_every_time() -> None:
    assert [draw_scenario(seed) for seed in range(50)] == [draw_scenario(seed) for seed in range(50)]


def test_a_breakage_survives_being_written_as_arguments() -> None:
    breakages = [start.breakage for seed in range(200) for start in draw_scenario(seed).starts]
    breakages += [Breakage(sabotage=kind) for kind in SABOTAGES]
    for breakage in breakages:
        assert parse([*breakage.arguments, "--", "run", "list.csv"]) == (breakage, ["run", "list.csv"])


def test_a_run_that_is_killed_at_any_instant_pays_everybody_once_when_it_is_resumed(tmp_path: Path) -> None:
    scenarios = [instant_scenario(instant) for instant in INSTANTS]
    campaign = run_campaign(scenarios, folder=tmp_path, jobs=2, on_played=lambda _: None)
    assert _failures(campaign) == []
    assert {each.kinds[0]: each.ends[0] for each in campaign.played} == {
        f"killed {instant}": "SIGKILL" for instant in INSTANTS
    }


def test_nobody_is_paid_twice_and_nobody_forgotten_whatever_breaks(tmp_path: Path) -> None:
    campaign = run_campaign(map(draw_scenario, SEEDS), folder=tmp_path, jobs=2, on_played=lambda _: None)
    assert len(campaign.played) == len(SEEDS)
    assert _failures(campaign) == []


@pytest.mark.parametrize(
    ("sabotage", "complaint"),
    [("random_ids", "Paid twice"), ("second_payment", "Paid twice"), ("forgotten_line", "Forgotten")],
)
def test_a_fault_of_the_product_is_detected(tmp_path: Path, sabotage: str, complaint: str) -> None:
    list_ = draw_list(Random(1), rows=9, has_references=True, has_duplicates=False, has_bad_rows=False)  # noqa: S311
    starts = (Start(kinds=("calm",)), Start(kinds=("ledger lost",), damage="ledger lost"))
    scenario = Scenario(seed=0, list_=list_, options=(), starts=starts)
    campaign = run_campaign([scenario], folder=tmp_path, jobs=1, on_played=lambda _: None, sabotage=sabotage)
    assert any(each.startswith(complaint) for each in campaign.failed[0].complaints)


def _failures(campaign: Campaign) -> list[str]:
    return [f"{each.seed}: {complaint}" for each in campaign.failed for complaint in each.complaints]
