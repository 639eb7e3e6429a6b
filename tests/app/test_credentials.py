"""The sources of credentials, and the errors if they are missing."""

from pathlib import Path

import pytest

from bulk_topup.app.credentials import load_credentials, load_transport
from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.errors import ConfigurationError


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DVS_API_KEY", raising=False)
    monkeypatch.delenv("DVS_API_SECRET", raising=False)
    monkeypatch.delenv("DVS_TRANSPORT", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DVS_API_KEY=file\nDVS_API_SECRET=from-file\n")
    assert load_credentials().api_key == "file"
    monkeypatch.setenv("DVS_API_KEY", "environment")
    credentials = load_credentials()
    assert (credentials.api_key, credentials.api_secret.get_secret_value()) == ("environment", "from-file")


def test_a_named_file_is_read_instead_of_the_one_in_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DVS_API_KEY=here\nDVS_API_SECRET=s\n")
    (tmp_path / "other").write_text("DVS_API_KEY=named\nDVS_API_SECRET=s\nOTHER=1\n")
    assert load_credentials(tmp_path / "other").api_key == "named"


def test_missing_credentials_are_named_and_present_ones_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVS_API_SECRET", "hush-hush")
    with pytest.raises(ConfigurationError, match="Set DVS_API_KEY in the environment") as caught:
        load_credentials()
    assert "hush-hush" not in str(caught.value)
    assert caught.value.__suppress_context__
    monkeypatch.delenv("DVS_API_SECRET")
    with pytest.raises(ConfigurationError, match="DVS_API_KEY and DVS_API_SECRET"):
        load_credentials()


def test_a_missing_credentials_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_credentials(tmp_path / "none")


def test_the_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVS_API_KEY", "k")
    monkeypatch.setenv("DVS_API_SECRET", "hush-hush")
    assert "hush-hush" not in f"{load_credentials()!r} {load_credentials()}"


def test_each_environment_has_its_own_ledger() -> None:
    assert len({default_ledger(environment) for environment in Environment}) == len(Environment)


def test_the_environment_names_the_transport_and_an_unknown_name_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_transport() == "aiohttp"
    monkeypatch.setenv("DVS_TRANSPORT", "httpx2")
    assert load_transport() == "httpx2"
    monkeypatch.setenv("DVS_TRANSPORT", "carrier pigeon")
    with pytest.raises(ConfigurationError, match="aiohttp, httpx2, pyreqwest") as caught:
        load_transport()
    assert "pigeon" not in str(caught.value)
