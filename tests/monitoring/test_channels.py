"""Addresses with their secrets: where these come from, and that nobody reads them again."""

from pathlib import Path

import pytest

from bulk_topup.errors import ConfigurationError, JobError
from bulk_topup.monitoring.channels import Variables, channels_of, ping_url
from bulk_topup.monitoring.notifications import Notification
from bulk_topup.security.redaction import redact_secrets


def variables(**values: str) -> Variables:
    return Variables(values=values, file=Path(".env"))


def test_a_whole_address_is_taken_as_it_is_and_a_part_is_quoted() -> None:
    found = variables(HOOK="json://u:p%40w@127.0.0.1/", PASSWORD="p@ss/w:rd")
    assert found.filled("${HOOK}") == "json://u:p%40w@127.0.0.1/"
    assert found.filled("mailtos://u:${PASSWORD}@h") == "mailtos://u:p%40ss%2Fw%3Ard@h"


def test_the_environment_comes_before_the_file_of_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "account.env"
    file.write_text("HOOK=json://file\nOTHER=json://other\n")
    monkeypatch.setenv("HOOK", "json://environment")
    found = Variables.read(file)
    assert (found.filled("${HOOK}"), found.filled("${OTHER}")) == ("json://environment", "json://other")


def test_a_file_of_credentials_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "account.env").write_bytes(b"HOOK=\xff\n")
    with pytest.raises(ConfigurationError, match=r"Can't read .*account\.env"):
        Variables.read(tmp_path / "account.env")


def test_a_name_without_a_value_is_told_with_the_places_where_it_may_stand() -> None:
    with pytest.raises(JobError, match=r"\$\{HOOK\} has no value.*environment or into \.env"):
        channels_of([Notification(to=("${HOOK}",))], Path(), variables(HOOK=" "))


def test_a_file_gives_an_address_a_line(tmp_path: Path) -> None:
    file = tmp_path / "told.urls"
    file.write_text("# the team\n\njson://one.example\nxml://two.example\n")
    file.chmod(0o600)
    found = channels_of([Notification(to_file="told.urls")], tmp_path, variables())
    assert [channel.address for channel in found] == ["json://one.example", "xml://two.example"]
    assert [channel.name for channel in found] == ["notification 1 (json://)", "notification 1 (xml://)"]


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        ("json://one.example\n", 0o644, "chmod 600"),
        ("# nobody\n", 0o600, "holds no address"),
        (None, 0, "is not there"),
    ],
)
def test_a_file_that_others_can_read_or_that_holds_nothing_is_refused(
    tmp_path: Path, content: str | None, mode: int, told: str
) -> None:
    if content is not None:
        (tmp_path / "told.urls").write_text(content)
        (tmp_path / "told.urls").chmod(mode)
    with pytest.raises(JobError, match=told):
        channels_of([Notification(to_file="told.urls")], tmp_path, variables())


def test_no_address_and_no_password_is_said_from_then_on() -> None:
    text = "json://payer:hunter2%2Fx@hooks.example/abcdefgh"
    (channel,) = channels_of([Notification(to=("${HOOK}",))], Path(), variables(HOOK=text))
    said = redact_secrets(f"{text} hunter2%2Fx hunter2/x")
    assert "hunter2" not in said
    assert text not in repr(channel)
    assert text not in repr(variables(HOOK=text))


def test_a_ping_that_is_no_url_is_told_without_its_value() -> None:
    with pytest.raises(JobError, match="no URL") as caught:
        ping_url("${PING}", variables(PING="0c1d2e3f-secret"))
    assert "0c1d2e3f" not in str(caught.value)
    assert ping_url("${PING}", variables(PING="https://hc-ping.com/0c1d2e3f-4b5a"))
    assert "0c1d2e3f-4b5a" not in redact_secrets("GET /0c1d2e3f-4b5a/start")


def test_what_is_secret_of_a_ping_stays_so_with_an_ending_on_its_path() -> None:
    assert ping_url("${PING}", variables(PING="https://user:pa55word@push.example.com/up?token=4b5a-6c7d"))
    told = redact_secrets("GET https://user:pa55word@push.example.com/up/start?token=4b5a-6c7d")
    assert told == "GET https://user:•••@push.example.com/up/start?•••"
