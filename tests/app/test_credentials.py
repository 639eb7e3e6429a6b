"""Where credentials come from, and the message if they are missing."""

from pathlib import Path

import pytest

from bulk_topup.app.credentials import load_approval_secret, load_credentials, load_transport
from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.errors import ConfigurationError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


def test_a_named_file_is_read_instead_of_the_one_here(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DVS_API_KEY=here\nDVS_API_SECRET=s\n")
    (tmp_path / "other").write_text("DVS_API_KEY=named\nDVS_API_SECRET=s\nOTHER=1\n")
    assert load_credentials(tmp_path / "other").api_key == "named"


def test_missing_values_are_named_and_existing_ones_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVS_API_SECRET", "hush-hush")
    with pytest.raises(ConfigurationError, match="Set DVS_API_KEY in the environment") as caught:
        load_credentials()
    assert "hush-hush" not in str(caught.value)
    assert caught.value.__suppress_context__
    monkeypatch.delenv("DVS_API_SECRET")
    with pytest.raises(ConfigurationError, match="DVS_API_KEY and DVS_API_SECRET"):
        load_credentials()


def test_a_named_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_credentials(tmp_path / "none")


def test_the_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVS_API_KEY", "k")
    monkeypatch.setenv("DVS_API_SECRET", "hush-hush")
    assert "hush-hush" not in f"{load_credentials()!r} {load_credentials()}"


def test_each_environment_has_a_ledger_of_its_own() -> None:
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


def test_a_file_that_cannot_be_read_is_an_error_that_quotes_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "account.env").write_bytes(b"DVS_API_SECRET=hush\xff\n")
    with pytest.raises(ConfigurationError, match="not UTF-8 text") as caught:
        load_credentials(tmp_path / "account.env")
    assert "hush" not in str(caught.value)
    (tmp_path / ".env").write_bytes(b"BULK_TOPUP_APPROVAL_SECRET=hush\xff\n")
    with pytest.raises(ConfigurationError, match="not UTF-8 text"):
        load_approval_secret()


def test_a_file_that_a_windows_editor_saved_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfDVS_API_KEY=windows\r\nDVS_API_SECRET=s\r\n")
    assert load_credentials().api_key == "windows"
