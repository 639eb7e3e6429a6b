"""A part of the campaign, each instant once, and proof that it detects faults of the product."""

from pathlib import Path
from random import Random

import pytest

from chaos.breakage import INSTANTS, SABOTAGES, Breakage, parse
from chaos.campaign import Campaign, run_campaign
from chaos.lists import draw_list
from chaos.plan import RENAMED, ZONES, Scenario, Start, draw_scenario, instants_scenario

#: The seeds of the part, and the most rows of their lists: together they cover most kinds of faults, in seconds.
SEEDS = (2011, 2014, 2016, 2033, 2034, 2039, 2045, 2054, 2066, 2071)
ROWS = 12


def test_a_seed_leads_to_the_same_scenario_every_time() -> None:
    assert [draw_scenario(seed) for seed in range(50)] == [draw_scenario(seed) for seed in range(50)]


def test_a_breakage_survives_being_written_as_arguments() -> None:
    breakages = [start.breakage for seed in range(200) for start in draw_scenario(seed).starts]
    breakages += [Breakage(sabotage=kind) for kind in SABOTAGES]
    for breakage in breakages:
        assert parse([*breakage.arguments, "--", "run", "list.csv"]) == (breakage, ["run", "list.csv"])


def test_a_run_that_is_killed_at_every_instant_pays_everybody_once_when_it_is_resumed(tmp_path: Path) -> None:
    halves = (INSTANTS[:6], INSTANTS[6:])
    scenarios = [instants_scenario(instants, seed) for seed, instants in enumerate(halves)]
    campaign = run_campaign(scenarios, folder=tmp_path, jobs=2, on_played=lambda _: None)
    assert _failures(campaign) == []
    assert {each.seed: each.ends[: len(halves[each.seed])] for each in campaign.played} == {
        seed: ["SIGKILL"] * len(instants) for seed, instants in enumerate(halves)
    }


def test_nobody_is_paid_twice_and_nobody_forgotten_whatever_breaks(tmp_path: Path) -> None:
    scenarios = [draw_scenario(seed, ROWS) for seed in SEEDS]
    campaign = run_campaign(scenarios, folder=tmp_path, jobs=2, on_played=lambda _: None)
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


def test_the_list_of_another_run_is_refused_unless_the_product_is_blind_to_others(tmp_path: Path) -> None:
    list_ = draw_list(Random(1), rows=6, has_references=True, has_duplicates=False, has_bad_rows=False)  # noqa: S311
    starts = (Start(kinds=("calm",)), Start(kinds=("renamed",), list_name=RENAMED))
    scenario = Scenario(seed=0, list_=list_, options=(), starts=starts)
    (played,) = run_campaign([scenario], folder=tmp_path, jobs=1, on_played=lambda _: None).played
    assert (played.ends[:2], played.complaints) == (["exit 0", "exit 3"], [])
    blind = run_campaign(
        [scenario], folder=tmp_path, jobs=1, on_played=lambda _: None, sabotage="blind_to_others"
    ).failed[0]
    assert any(complaint.startswith("Paid twice") for complaint in blind.complaints)


def test_a_month_that_was_paid_is_not_paid_again_after_midnight(tmp_path: Path) -> None:
    list_ = draw_list(Random(1), rows=6, has_references=True, has_duplicates=False, has_bad_rows=False)  # noqa: S311
    starts = [Start(kinds=(), zone=zone, is_after_midnight=zone != ZONES[2]) for zone in (ZONES[2], *ZONES)]
    scenario = Scenario(seed=0, list_=list_, options=(), starts=tuple(starts), is_month_end=True)
    (played,) = run_campaign([scenario], folder=tmp_path, jobs=1, on_played=lambda _: None).played
    assert (set(played.ends), played.complaints) == ({"exit 0"}, [])


def _failures(campaign: Campaign) -> list[str]:
    return [f"{each.seed}: {complaint}" for each in campaign.failed for complaint in each.complaints]
