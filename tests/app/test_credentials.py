"""Where credentials come from, and the message if they are missing."""

from pathlib import Path

import pytest

from bulk_topup.app.credentials import (
    load_approval_secret,
    load_callback_token,
    load_credentials,
    load_transport,
    where_given,
)
from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.errors import ConfigurationError
from tests.helpers.private_files import write_private


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DVS_API_KEY", raising=False)
    monkeypatch.delenv("DVS_API_SECRET", raising=False)
    monkeypatch.delenv("DVS_TRANSPORT", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_private(tmp_path / ".env", "DVS_API_KEY=file\nDVS_API_SECRET=from-file\n")
    assert load_credentials().api_key == "file"
    monkeypatch.setenv("DVS_API_KEY", "environment")
    credentials = load_credentials()
    assert (credentials.api_key, credentials.api_secret.get_secret_value()) == ("environment", "from-file")


def test_a_named_file_is_read_instead_of_the_one_here(tmp_path: Path) -> None:
    write_private(tmp_path / ".env", "DVS_API_KEY=here\nDVS_API_SECRET=s\n")
    write_private(tmp_path / "other", "DVS_API_KEY=named\nDVS_API_SECRET=s\nOTHER=1\n")
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
    write_private(tmp_path / "account.env", b"DVS_API_SECRET=hush\xff\n")
    with pytest.raises(ConfigurationError, match="not UTF-8 text") as caught:
        load_credentials(tmp_path / "account.env")
    assert "hush" not in str(caught.value)
    write_private(tmp_path / ".env", b"BULK_TOPUP_APPROVAL_SECRET=hush\xff\n")
    with pytest.raises(ConfigurationError, match="not UTF-8 text"):
        load_approval_secret()


def test_a_file_that_a_windows_editor_saved_is_read(tmp_path: Path) -> None:
    write_private(tmp_path / ".env", b"\xef\xbb\xbfDVS_API_KEY=windows\r\nDVS_API_SECRET=s\r\n")
    assert load_credentials().api_key == "windows"


PAIR = "DVS_API_KEY=k\nDVS_API_SECRET=hush-hush\n"


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o664, 0o666])
def test_a_credentials_file_that_everybody_can_read_is_refused_with_both_cures(tmp_path: Path, mode: int) -> None:
    file = write_private(tmp_path / "account.env", PAIR)
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=r"chmod 600 .*account\.env.*defaultMode: 0400") as caught:
        load_credentials(file)
    assert "hush" not in str(caught.value)
    write_private(tmp_path / ".env", PAIR).chmod(mode)
    with pytest.raises(ConfigurationError, match=r"Every user .* \.env"):
        load_credentials()


@pytest.mark.parametrize("name", ["BULK_TOPUP_APPROVAL_SECRET", "BULK_TOPUP_CALLBACK_TOKEN"])
def test_an_env_file_with_another_secret_of_ours_is_not_read_where_everybody_can(tmp_path: Path, name: str) -> None:
    write_private(tmp_path / ".env", f"{name}={'a' * 32}\n").chmod(0o644)
    with pytest.raises(ConfigurationError, match="Every user"):
        load_callback_token()


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o640, 0o660])
def test_a_credentials_file_that_a_group_can_read_is_used(tmp_path: Path, mode: int) -> None:
    file = write_private(tmp_path / "account.env", PAIR)
    file.chmod(mode)
    assert load_credentials(file).api_key == "k"


def test_a_public_env_file_of_another_program_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / ".env", "DATABASE=local\n").chmod(0o644)
    monkeypatch.setenv("DVS_API_KEY", "k")
    monkeypatch.setenv("DVS_API_SECRET", "s")
    assert load_credentials().api_key == "k"


def test_one_of_the_pair_counts_as_given_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert where_given() == ""
    assert where_given(tmp_path / "account.env") == f"--credentials {tmp_path / 'account.env'}"
    write_private(tmp_path / ".env", "NOTIFY_URL=https://hooks.example\nDVS_API_KEY=\n")
    assert where_given() == ""
    write_private(tmp_path / ".env", "dvs_api_secret=s\n")
    assert where_given() == "dvs_api_secret in .env"
    monkeypatch.setenv("DVS_API_KEY", "")
    assert where_given() == "dvs_api_secret in .env"
    monkeypatch.setenv("DVS_API_KEY", "k")
    assert where_given() == "DVS_API_KEY in the environment"
