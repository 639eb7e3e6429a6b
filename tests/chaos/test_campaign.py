"""A part of the campaign, each instant once, and proof that it detects faults of the product."""

from dataclasses import replace
from pathlib import Path
from random import Random

from bulk_topup.sandbox.fault_parser import parse_fault
from chaos.breakage import INSTANTS, SABOTAGES, Breakage, parse
from chaos.campaign import Campaign, run_campaign
from chaos.lists import draw_list, edit
from chaos.plan import FAULTS, RENAMED, ZONES, Scenario, Start, draw_scenario, instants_scenario

#: The seeds of the part, and the most rows of their lists: together they cover most kinds of faults, in seconds.
SEEDS = (2011, 2014, 2016, 2033, 2034, 2039, 2045, 2054, 2066, 2071)
ROWS = 12
HALVES = (INSTANTS[:6], INSTANTS[6:])
MONTH_END, TWO_NAMES, GROWN = 100, 101, 102


def test_a_seed_leads_to_the_same_scenario_every_time() -> None:
    assert [draw_scenario(seed) for seed in range(50)] == [draw_scenario(seed) for seed in range(50)]


def test_the_sandbox_has_all_faults_of_the_campaign() -> None:
    for fault in FAULTS:
        assert parse_fault(fault.format(seed=1)).__struct_config__.tag == fault.split()[0]


def test_a_breakage_survives_being_written_as_arguments() -> None:
    breakages = [start.breakage for seed in range(200) for start in draw_scenario(seed).starts]
    breakages += [Breakage(sabotage=kind) for kind in SABOTAGES]
    breakages += [Breakage(clock=((0, 1_234_567.0), (3, -0.5)), pace=12.0)]
    for breakage in breakages:
        assert parse([*breakage.arguments, "--", "run", "list.csv"]) == (breakage, ["run", "list.csv"])


def test_nobody_is_paid_twice_and_nobody_forgotten_whatever_breaks(tmp_path: Path) -> None:
    campaign = run_campaign(
        [draw_scenario(seed, ROWS) for seed in SEEDS], folder=tmp_path, jobs=2, on_played=lambda _: None
    )
    assert len(campaign.played) == len(SEEDS)
    assert _failures(campaign) == []


def test_a_run_is_paid_once_if_it_is_killed_at_every_instant_renamed_or_started_after_midnight(tmp_path: Path) -> None:
    scenarios = [instants_scenario(instants, seed) for seed, instants in enumerate(HALVES)]
    scenarios += [_month_end(), _two_names(), _grown()]
    campaign = run_campaign(scenarios, folder=tmp_path, jobs=2, on_played=lambda _: None)
    assert _failures(campaign) == []
    ends = {each.seed: each.ends for each in campaign.played}
    for seed, instants in enumerate(HALVES):
        assert ends[seed][: len(instants)] == ["SIGKILL"] * len(instants)
    assert set(ends[MONTH_END]) == {"exit 0"}
    assert ends[TWO_NAMES][:2] == ["exit 0", "exit 3"]
    assert ends[GROWN] == ["exit 0", "exit 3", "exit 3", "exit 0"]


def test_a_fault_of_the_product_is_detected(tmp_path: Path) -> None:
    starts = (Start(kinds=("calm",)), Start(kinds=("ledger lost",), damage="ledger lost"))
    lost = replace(_two_names(), starts=starts)
    expected = {
        "random_ids": (lost, "Paid twice"),
        "second_payment": (lost, "Paid twice"),
        "forgotten_line": (lost, "Forgotten"),
        "blind_to_others": (_two_names(), "Paid twice"),
    }
    assert set(expected) == set(SABOTAGES)
    scenarios = [replace(expected[kind][0], seed=seed, sabotage=kind) for seed, kind in enumerate(SABOTAGES)]
    campaign = run_campaign(scenarios, folder=tmp_path, jobs=2, on_played=lambda _: None)
    for each in campaign.played:
        complaint = expected[SABOTAGES[each.seed]][1]
        assert any(text.startswith(complaint) for text in each.complaints), each


def _grown() -> Scenario:
    """A list that gets more rows when all of it is paid, which a person has to add."""
    paid = _two_names().list_
    grown, _ = edit(Random(1), paid, ("rows added",))  # noqa: S311
    starts = (Start(kinds=("calm",)), Start(kinds=("rows added",), edited=grown))
    return Scenario(seed=GROWN, list_=paid, options=(), starts=starts)


def _two_names() -> Scenario:
    """A list that is started under a second name when it is paid."""
    list_ = draw_list(Random(1), rows=9, has_references=True, has_duplicates=False, has_bad_rows=False)  # noqa: S311
    starts = (Start(kinds=("calm",)), Start(kinds=("renamed list",), list_name=RENAMED))
    return Scenario(seed=TWO_NAMES, list_=list_, options=(), starts=starts)


def _month_end() -> Scenario:
    """A monthly job that is started in New York before midnight, then after midnight on machines of three zones."""
    starts = [Start(kinds=(), zone=ZONES[2])]
    starts += [Start(kinds=(), zone=zone, is_after_midnight=True) for zone in ZONES]
    return replace(_two_names(), seed=MONTH_END, starts=tuple(starts), is_month_end=True)


def _failures(campaign: Campaign) -> list[str]:
    return [f"{each.seed}: {complaint}" for each in campaign.failed for complaint in each.complaints]
