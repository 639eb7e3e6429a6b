"""Addresses with their secrets: where they come from, and that logs and messages mask them."""

from pathlib import Path

import pytest

from bulk_topup.errors import ConfigurationError, JobError
from bulk_topup.monitoring.channels import Variables, load_channels, ping_url
from bulk_topup.monitoring.notifications import Notification
from bulk_topup.security.redaction import redact_secrets
from tests.helpers.private_files import write_private


def variables(**values: str) -> Variables:
    return Variables(values=values, file=Path(".env"))


def test_a_whole_address_is_unchanged_and_a_part_is_quoted() -> None:
    found = variables(HOOK="json://u:p%40w@127.0.0.1/", PASSWORD="p@ss/w:rd")
    assert found.substitute("${HOOK}") == "json://u:p%40w@127.0.0.1/"
    assert found.substitute("mailtos://u:${PASSWORD}@h") == "mailtos://u:p%40ss%2Fw%3Ard@h"


def test_the_environment_has_precedence_over_the_credentials_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_private(tmp_path / "account.env", "HOOK=json://file\nOTHER=json://other\n")
    monkeypatch.setenv("HOOK", "json://environment")
    found = Variables.read(file)
    assert (found.substitute("${HOOK}"), found.substitute("${OTHER}")) == ("json://environment", "json://other")


def test_a_credentials_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "account.env").write_bytes(b"HOOK=\xff\n")
    with pytest.raises(ConfigurationError, match=r"Can't read .*account\.env"):
        Variables.read(tmp_path / "account.env")


def test_a_name_without_a_value_is_reported_with_the_places_to_set_it() -> None:
    with pytest.raises(JobError, match=r"\$\{HOOK\} of the job file has no value.*environment or in \.env"):
        load_channels([Notification(to=("${HOOK}",))], Path(), variables(HOOK=" "))


def test_a_file_has_one_address_per_line(tmp_path: Path) -> None:
    file = tmp_path / "channels.urls"
    file.write_text("# the team\n\njson://one.example\nxml://two.example\n")
    file.chmod(0o600)
    found = load_channels([Notification(to_file="channels.urls")], tmp_path, variables())
    assert [channel.address for channel in found] == ["json://one.example", "xml://two.example"]
    assert [channel.name for channel in found] == ["notification 1 (json://)", "notification 1 (xml://)"]


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        ("json://one.example\n", 0o644, "chmod 600 .*channels.urls"),
        ("# empty\n", 0o600, "has no address"),
        (None, 0, "No file .*channels.urls"),
    ],
)
def test_a_file_that_is_missing_empty_or_readable_for_others_is_refused(
    tmp_path: Path, content: str | None, mode: int, message: str
) -> None:
    if content is not None:
        (tmp_path / "channels.urls").write_text(content)
        (tmp_path / "channels.urls").chmod(mode)
    with pytest.raises(JobError, match=message):
        load_channels([Notification(to_file="channels.urls")], tmp_path, variables())


def test_addresses_and_passwords_are_masked_from_then_on() -> None:
    text = "json://payer:hunter2%2Fx@hooks.example/abcdefgh"
    (channel,) = load_channels([Notification(to=("${HOOK}",))], Path(), variables(HOOK=text))
    masked = redact_secrets(f"{text} hunter2%2Fx hunter2/x")
    assert "hunter2" not in masked
    assert text not in repr(channel)
    assert text not in repr(variables(HOOK=text))


def test_a_ping_that_is_not_a_url_is_reported_without_its_value() -> None:
    with pytest.raises(JobError, match="The ping is not a URL") as caught:
        ping_url("${PING}", variables(PING="0c1d2e3f-secret"))
    assert "0c1d2e3f" not in str(caught.value)
    assert ping_url("${PING}", variables(PING="https://hc-ping.com/0c1d2e3f-4b5a"))
    assert "0c1d2e3f-4b5a" not in redact_secrets("GET /0c1d2e3f-4b5a/start")


def test_the_secrets_of_a_ping_are_masked_with_a_suffix_on_its_path() -> None:
    assert ping_url("${PING}", variables(PING="https://user:pa55word@push.example.com/up?token=4b5a-6c7d"))
    masked = redact_secrets("GET https://user:pa55word@push.example.com/up/start?token=4b5a-6c7d")
    assert masked == "GET https://user:•••@push.example.com/up/start?•••"
