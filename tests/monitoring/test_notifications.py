"""What a job file may say of whom to tell: no secret ever stands in it."""

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
def test_a_secret_in_a_job_file_is_refused_without_being_said(address: str) -> None:
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
def test_an_address_whose_secrets_are_elsewhere_is_taken(address: str) -> None:
    assert Notification(to=(address,)).to == (address,)


def test_unless_it_is_stated_somebody_is_told_of_the_end_and_of_approvals_but_not_of_the_start() -> None:
    assert set(Notification(to=("${HOOK}",)).on) == {
        NotificationEvent.FINISH,
        NotificationEvent.FAILURE,
        NotificationEvent.APPROVAL,
    }


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "nobody would be told"),
        ({"to": ["team@example.com"]}, "no address"),
        ({"to": ["${HOOK}"], "on": []}, "at least 1"),
        ({"to": ["${HOOK}"], "on": ["success"]}, "start"),
        ({"to": ["${HOOK}"], "attach": ["pins"]}, "summary"),
    ],
)
def test_a_notification_that_tells_nobody_or_nothing_is_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Notification.model_validate(values)


def test_figures_are_written_where_the_collector_finds_them() -> None:
    assert Job(list="x.csv", metrics="pay.prom").metrics == "pay.prom"
    with pytest.raises(ValidationError, match="prom"):
        Job(list="x.csv", metrics="pay.txt")


def test_a_ping_is_a_url() -> None:
    assert Job(list="x.csv", ping="${PING}").ping == "${PING}"
    with pytest.raises(ValidationError, match="no URL"):
        Job(list="x.csv", ping="hc-ping.com/abc")
