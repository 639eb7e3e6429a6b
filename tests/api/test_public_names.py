"""The public door: small, typed, and light to import."""

from importlib.resources import files

import bulk_topup
from tests.cli.test_start_up import imported_by


def test_each_name_of_the_door_is_there() -> None:
    for name in bulk_topup.__all__:
        assert getattr(bulk_topup, name) is not None
        assert not (files(bulk_topup) / f"{name}.py").is_file()
    assert sorted(bulk_topup.__all__) == bulk_topup.__all__


def test_importing_the_package_loads_nothing_else() -> None:
    assert imported_by("import bulk_topup\nbulk_topup.__version__") == {"bulk_topup"}


def test_states_and_exit_codes_load_nothing_heavy() -> None:
    assert imported_by("from bulk_topup import BulkTopupError, ExitCode, RowState, exit_code_for") == {"bulk_topup"}
