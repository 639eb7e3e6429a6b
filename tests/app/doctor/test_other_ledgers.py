"""Ledgers beside the one that is used: of other users, and those of scheduled commands."""

from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.doctor import CheckStatus, examine_other_ledgers
from bulk_topup.app.doctor.other_ledgers import Places, places_of_machine
from bulk_topup.domain.environment import Environment

BELOW = Path(".local/share/bulk-topup/production.db")


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Two users, of whom amina is the one that looks; both have a default ledger of production."""
    found = {name: tmp_path / "home" / name for name in ("amina", "bo")}
    for home in found.values():
        (home / BELOW).parent.mkdir(parents=True)
        (home / BELOW).touch()
    monkeypatch.setenv("HOME", str(found["amina"]))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return found


def warnings(path: Path, **places: Any) -> list[str]:
    findings = examine_other_ledgers(path, Environment.PRODUCTION, Places(user="amina", **places))
    return [finding.message for finding in findings if finding.status is CheckStatus.WARN]


def test_the_default_ledger_of_another_user_is_named_and_the_own_one_is_not(homes: dict[str, Path]) -> None:
    (message,) = warnings(homes["amina"] / BELOW, homes=homes)
    assert f"{homes['bo'] / BELOW} (bo)" in message
    assert str(homes["amina"]) not in message


def test_the_own_default_ledger_is_named_where_another_one_is_used(homes: dict[str, Path], tmp_path: Path) -> None:
    del homes["bo"]
    (message,) = warnings(tmp_path / "elsewhere.db", homes=homes)
    assert message.count(str(homes["amina"] / BELOW)) == 1


def test_a_shared_ledger_is_named(homes: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "production.db").touch()
    (message,) = warnings(homes["amina"] / BELOW, homes={}, shared=(tmp_path / "shared",))
    assert str(tmp_path / "shared" / "production.db") in message


def test_ledgers_of_other_environments_and_homes_that_do_not_exist_are_no_matter(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    (homes["bo"] / BELOW).rename(homes["bo"] / BELOW.with_name("sandbox.db"))
    found = list(
        examine_other_ledgers(
            homes["amina"] / BELOW,
            Environment.PRODUCTION,
            Places(user="amina", homes={**homes, "nobody": tmp_path / "none"}),
        )
    )
    assert found == []


@pytest.mark.parametrize(
    ("line", "ledger"),
    [
        ("0 5 * * * bulk-topup run pay.toml --env production --ledger /srv/other.db --scheduled", "/srv/other.db"),
        ("0 5 * * * bulk-topup run pay.toml --ledger=/srv/other.db", "/srv/other.db"),
        ("0 5 * * * BULK_TOPUP_LEDGER=/srv/other.db bulk-topup run pay.toml", "/srv/other.db"),
        ("BULK_TOPUP_LEDGER=/srv/other.db\n0 5 * * * /opt/bin/bulk-topup run pay.toml", "/srv/other.db"),
        ("0 5 * * * python -m bulk_topup run 'it''s.toml --ledger /srv/other.db", "/srv/other.db"),
        ("0 5 * * * bulk-topup run pay.toml --ledger ~/other.db", "home/amina/other.db"),
    ],
)
def test_a_crontab_line_with_another_ledger_is_named(homes: dict[str, Path], line: str, ledger: str) -> None:
    (message,) = warnings(homes["amina"] / BELOW, homes={"amina": homes["amina"]}, crontab=f"# bulk-topup\n{line}\n")
    assert "the crontab (amina) uses " in message
    assert ledger in message


def test_a_crontab_of_bytes_that_no_path_has_is_read_all_the_same(homes: dict[str, Path], tmp_path: Path) -> None:
    file = tmp_path / "cron"
    file.write_bytes(b"0 5 * * * amina bulk-topup run pay.toml --ledger /srv/o\0\xff.db\n")
    (message,) = warnings(homes["amina"] / BELOW, homes={"amina": homes["amina"]}, system_crontabs=(file,))
    assert "/srv/o\ufffd" in message


def test_a_crontab_without_a_ledger_uses_the_default_one_of_its_user(homes: dict[str, Path], tmp_path: Path) -> None:
    here = {"amina": homes["amina"]}
    line = "0 5 * * * bulk-topup run pay.toml --scheduled\n"
    assert warnings(homes["amina"] / BELOW, homes=here, crontab=line) == []
    messages = warnings(tmp_path / "mine.db", homes=here, crontab=line)
    assert f"the crontab (amina) uses {homes['amina'] / BELOW}" in messages[-1]


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("0 5 * * * bulk-topup run pay.toml --ledger books/mine.db", "home/amina"),
        ("0 5 * * * cd /srv/pay && umask 077 && bulk-topup run pay.toml --ledger books/mine.db", "/srv/pay"),
        ("0 5 * * * cd '/srv/pay all' ; bulk-topup run pay.toml --ledger=./books/mine.db", "/srv/pay all"),
        ("0 5 * * * cd work; cd deeper; bulk-topup run pay.toml --ledger books/mine.db", "home/amina/work/deeper"),
        ("0 5 * * * cd ~/work && BULK_TOPUP_LEDGER=books/mine.db bulk-topup run pay.toml", "home/amina/work"),
        ("0 5 * * * cd ~ && bulk-topup run pay.toml --ledger books/mine.db && cd /srv", "home/amina"),
    ],
)
def test_a_relative_ledger_of_a_crontab_line_is_below_the_folder_that_the_line_starts_in(
    homes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / folder / "books/mine.db"  # an absolute folder is one
    here = {"homes": {"amina": homes["amina"]}, "crontab": f"{line}\n"}
    assert "Scheduled" not in " ".join(warnings(mine, **here))
    assert f"uses {mine}" in warnings(tmp_path / "books/mine.db", **here)[-1]


@pytest.mark.parametrize(
    ("directory", "units", "folder"),
    [
        ("", "system", "/"),
        ("", "home/amina/.config/systemd/user", "home/amina"),
        ("WorkingDirectory=/srv/pay\n", "system", "/srv/pay"),
        ("WorkingDirectory=-%h/pay\n", "system", "home/amina/pay"),
    ],
)
def test_a_relative_ledger_of_a_unit_is_below_its_working_directory(
    homes: dict[str, Path], tmp_path: Path, directory: str, units: str, folder: str
) -> None:
    (tmp_path / units).mkdir(parents=True)
    (tmp_path / units / "bulk-topup-a.service").write_text(
        f"[Service]\nUser=amina\n{directory}ExecStart=bulk-topup run a.toml --ledger books/mine.db\n"
    )
    here = {"homes": {"amina": homes["amina"]}, "units": (tmp_path / units,)}
    mine = tmp_path / folder / "books/mine.db"
    assert "Scheduled" not in " ".join(warnings(mine, **here))
    assert f"uses {mine}" in warnings(tmp_path / "books/mine.db", **here)[-1]


def test_lines_of_other_environments_and_of_other_programs_are_no_matter(homes: dict[str, Path]) -> None:
    lines = (
        "0 5 * * * bulk-topup run pay.toml --env preprod --ledger /srv/preprod.db\n"
        "#0 5 * * * bulk-topup run pay.toml --ledger /srv/old.db\n"
        "0 5 * * * backup --ledger /srv/other.db\n"
    )
    assert warnings(homes["amina"] / BELOW, homes={"amina": homes["amina"]}, crontab=lines) == []


def test_system_crontabs_and_units_are_read_with_their_users(homes: dict[str, Path], tmp_path: Path) -> None:
    cron, units = tmp_path / "cron.d", tmp_path / "system"
    cron.mkdir()
    units.mkdir()
    (cron / "payroll").write_text("0 5 28 * * bo bulk-topup run /srv/payroll.toml --scheduled\n")
    (cron / "empty").write_text("")
    (units / "bulk-topup-a.service").write_text(
        f"[Service]\nUser=amina\nExecStart=bulk-topup run a.toml --ledger {homes['amina'] / BELOW}\n"
    )
    (units / "bulk-topup-b.service").write_text(
        "[Service]\nUser=bo\nEnvironment=BULK_TOPUP_LEDGER=/srv/b.db\nExecStart=bulk-topup run b.toml\n"
    )
    path = homes["amina"] / BELOW
    (homes["bo"] / BELOW).unlink()
    (message,) = warnings(path, homes=homes, system_crontabs=(cron, tmp_path / "missing"), units=(units,))
    assert f"{cron / 'payroll'} (bo) uses {homes['bo'] / BELOW}" in message
    assert f"{units / 'bulk-topup-b.service'} (bo) uses /srv/b.db" in message
    assert "bulk-topup-a" not in message


def test_the_places_of_this_machine_can_be_listed() -> None:
    places = places_of_machine()
    assert places.homes
    found = examine_other_ledgers(Path("ledger.db"), Environment.SANDBOX, places)
    assert all(finding.status is CheckStatus.WARN for finding in found)
