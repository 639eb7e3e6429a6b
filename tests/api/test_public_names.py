"""The public names: few, typed, and light to import."""

from importlib.resources import files

import bulk_topup
from tests.cli.test_start_up import imported_by


def test_each_public_name_exists() -> None:
    for name in bulk_topup.__all__:
        assert getattr(bulk_topup, name) is not None
        assert not (files(bulk_topup) / f"{name}.py").is_file()
    assert sorted(bulk_topup.__all__) == bulk_topup.__all__


def test_importing_the_package_loads_nothing_else() -> None:
    assert imported_by("import bulk_topup\nbulk_topup.__version__") == {"bulk_topup"}


def test_states_exit_codes_and_redaction_load_nothing_heavy() -> None:
    names = "BulkTopupError, ExitCode, RowState, exit_code_for, install_redaction"
    assert imported_by(f"from bulk_topup import {names}") == {"bulk_topup"}
