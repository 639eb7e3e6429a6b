"""The results of a scenario that is played once, for tests that change them."""

from random import Random

import pytest

from chaos.campaign import run_campaign
from chaos.evidence import Evidence, read_evidence
from chaos.lists import draw_list
from chaos.plan import Scenario


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """The results of a scenario without faults: rows of every outcome, some with a PIN."""
    draws = Random(3)  # noqa: S311 - no secret
    list_ = draw_list(draws, rows=30, has_references=True, has_duplicates=False, has_bad_rows=True)
    scenario = Scenario(seed=0, list_=list_, options=("--skip-refused",), starts=())
    folder = tmp_path_factory.mktemp("chaos")
    campaign = run_campaign([scenario], folder=folder, jobs=1, on_played=lambda _: None, keep=True)
    assert campaign.failed == []
    return read_evidence(campaign.played[0].folder)
