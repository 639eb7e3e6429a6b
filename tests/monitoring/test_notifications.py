"""Notification settings of job files: they never contain a secret."""

import pytest
from pydantic import ValidationError

from bulk_topup.errors import JobError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.load import make_job
from bulk_topup.monitoring.notifications import Notification, NotificationEvent


@pytest.mark.parametrize(
    "address",
    [
        "mailtos://payroll:hunter2@mail.example.com?to=team@example.com",
        "mailtos://payroll@mail.example.com?pass=hunter2",
        "mailto://${USER}:hunter2@mail.example.com",
        "tgram://123456:AAbb/7890",
        "slack://TokenA/TokenB/TokenC",
        "jsons://hooks.example.com/secret",
    ],
)
def test_a_secret_in_a_job_file_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(JobError, match=r"\$\{NAME\}") as caught:
        make_job({"list": "x.csv", "notifications": [{"to": [address]}]}, "The job file")
    assert not [part for part in ("hunter2", "AAbb", "TokenB", "hooks.example") if part in str(caught.value)]


@pytest.mark.parametrize(
    "address",
    [
        "mailto://localhost?from=pay@example.com&to=team@example.com",
        "mailtos://payroll:${SMTP_PASSWORD}@mail.example.com?to=team@example.com",
        "${HOOK}",
        "tgram://${BOT}/${CHAT}",
    ],
)
def test_an_address_whose_secrets_are_elsewhere_is_accepted(address: str) -> None:
    assert Notification(to=(address,)).to == (address,)


def test_by_default_channels_are_notified_of_the_end_and_of_approvals_but_not_of_the_start() -> None:
    assert set(Notification(to=("${HOOK}",)).on) == {
        NotificationEvent.FINISH,
        NotificationEvent.FAILURE,
        NotificationEvent.APPROVAL,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "No address. Set to or to_file."),
        ({"to": ["team@example.com"]}, "Not an address"),
        ({"to": ["${HOOK}"], "on": []}, "at least 1"),
        ({"to": ["${HOOK}"], "on": ["success"]}, "start"),
        ({"to": ["${HOOK}"], "attach": ["pins"]}, "summary"),
    ],
)
def test_a_notification_without_addresses_or_events_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Notification.model_validate(values)


def test_the_metrics_file_has_the_suffix_that_the_collector_reads() -> None:
    assert Job(list="x.csv", metrics="pay.prom").metrics == "pay.prom"
    with pytest.raises(ValidationError, match="prom"):
        Job(list="x.csv", metrics="pay.txt")


def test_a_ping_is_a_url() -> None:
    assert Job(list="x.csv", ping="${PING}").ping == "${PING}"
    with pytest.raises(ValidationError, match="Not a URL"):
        Job(list="x.csv", ping="hc-ping.com/abc")
