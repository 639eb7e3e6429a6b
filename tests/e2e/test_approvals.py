"""Approval by a second person: only what was approved reaches the provider."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]

LIST = "reference,phone,amount\nA,+6595123400,10\nB,+6595123108,20\n"


@pytest.fixture
def command(invoke: Pay) -> Pay:
    return invoke


@pytest.fixture
def job(command: Pay, tmp_path: Path) -> Path:
    """A job that needs an approval; the tests' one user may both plan and approve."""
    public = json.loads(command("approval-key", "new", "--output", "controller.key", "--json").stdout)["public_key"]
    (tmp_path / "pay.csv").write_text(LIST)
    file = tmp_path / "payroll.toml"
    file.write_text(
        'list = "pay.csv"\nrun_key = "2026-11"\nproduct = 6418\n'
        f'[approval]\nrequired = true\nnot_by = "nobody"\nkeys = ["{public}"]\n'
    )
    return file


@pytest.fixture
def approved(pay: Pay, command: Pay, job: Path) -> str:
    """The job's plan, approved."""
    pay("plan", job, "--output", "plan.json")
    command("approve", "plan.json", "--key", "controller.key", "--yes")
    return "plan.approved.json"


def test_without_an_approval_nothing_is_sent(pay: Pay, books: Books, job: Path) -> None:
    result = pay("run", job, code=3)
    assert "Run payroll/2026-11 needs an approval" in result.stderr
    assert "bulk-topup approve" in result.stderr
    assert books()["transactions"] == []


def test_an_approved_plan_is_paid_resumed_and_retried(
    pay: Pay, books: Books, job: Path, approved: str, tmp_path: Path
) -> None:
    result = json.loads(pay("run", job, "--approved", approved, "--json", code=1).stdout)
    assert result["approved_by"]
    paid = len(books()["transactions"])
    assert paid == 2
    pay("run", job, "--approved", approved, code=1)  # the same plan, of which all was sent
    pay("resume", "payroll/2026-11", code=1)
    assert len(books()["transactions"]) == paid
    pay("retry", "payroll/2026-11", code=1)
    assert len(books()["transactions"]) == paid + 1
    # A corrected row is another payment, also where only a retry would send it.
    (tmp_path / "pay.csv").write_text(LIST.replace("+6595123108,20", "+6595123499,20"))
    assert "needs an approval" in pay("run", job, code=3).stderr
    assert len(books()["transactions"]) == paid + 1


def test_a_list_is_added_to_its_run_as_it_was_approved(
    pay: Pay, command: Pay, books: Books, job: Path, approved: str, tmp_path: Path
) -> None:
    pay("run", job, "--approved", approved, code=1)
    (tmp_path / "pay.csv").write_text("reference,phone,amount\nC,+6595123402,5\n")
    pay("plan", job, "--output", "plan.json", "--add")
    shown = command("approve", "plan.json", "--key", "controller.key", "--yes").stdout
    assert re.search(r"added to a run +│? *yes", shown)
    assert "whether the list is added" in pay("run", job, "--approved", approved, code=3).stderr
    for _ in range(2):
        pay("run", job, "--approved", approved, "--add", code=1)
        assert len(books()["transactions"]) == 3


def test_corrected_rows_are_sent_as_they_were_approved(
    pay: Pay, command: Pay, books: Books, job: Path, approved: str, tmp_path: Path
) -> None:
    pay("run", job, "--approved", approved, code=1)
    [rest] = tmp_path.glob("reports/*/*not-completed.csv")
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(rest.read_text().replace("+6595123108", "+6595123499"))
    assert "needs an approval" in pay("run", job, "--corrections", corrected, code=3).stderr
    shown = pay("run", job, "--corrections", corrected, "--approved", approved, code=3).stderr
    assert "the number of corrected rows is 1, approved was 0" in shown
    pay("plan", job, "--corrections", corrected, "--output", "plan.json")
    shown = command("approve", "plan.json", "--key", "controller.key", "--yes").stdout
    assert re.search(r"corrected rows, not as in the file +│? *1", shown)
    other = tmp_path / "other.csv"
    other.write_text(rest.read_text().replace("+6595123108", "+6595123498"))
    shown = pay("run", job, "--corrections", other, "--approved", approved, code=3).stderr
    assert "at least one row has another identity, credit party or requested amount" in shown
    for words in (("--corrections", corrected), ()):  # the run keeps them
        pay("run", job, "--approved", approved, *words)
        assert [each["credit_party"] for each in books()["transactions"]][2:] == ["+6595123499"]


def test_rows_of_another_list_that_nobody_approved_are_not_sent(
    pay: Pay, command: Pay, books: Books, job: Path, tmp_path: Path
) -> None:
    with_approval, list_ = job.read_text(), tmp_path / "pay.csv"
    job.write_text(with_approval.partition("[approval]")[0])
    list_.write_text("reference,phone,amount\nA,+6595123400,10\n")
    pay("run", job)
    list_.write_text("reference,phone,amount\nC,+6595123402,5\n")
    pay("run", job, "--add", "--deadline", "2020-01-01T00:00Z", code=75)
    job.write_text(with_approval)
    list_.write_text("reference,phone,amount\nA,+6595123400,10\n")
    assert "needs an approval" in pay("run", job, code=3).stderr
    pay("plan", job, "--output", "plan.json")
    command("approve", "plan.json", "--key", "controller.key", "--yes")
    refused = pay("run", job, "--approved", "plan.approved.json", code=3)
    assert "1 row of other lists of run payroll/2026-11 would be sent too, and nobody approved them" in refused.stderr
    assert len(books()["transactions"]) == 1
    pay("resume", "payroll/2026-11")
    pay("run", job, "--approved", "plan.approved.json")
    assert len(books()["transactions"]) == 2


CHANGES: list[tuple[Callable[[str], str], str]] = [
    (lambda text: f"{text}C,+6595123402,5\n", "the number of rows is 3, approved was 2"),
    (lambda text: text.replace(",10", ",11"), "the requested amount is 31.00 SGD, approved was 30.00 SGD"),
    (
        lambda text: text.replace("3400", "3401"),
        "at least one row has another identity, credit party or requested amount",
    ),
    (lambda text: text.replace("\n", "\r\n"), "the SHA-256 of the list is"),
]


def test_only_the_approved_plan_is_paid(
    pay: Pay, command: Pay, books: Books, job: Path, approved: str, tmp_path: Path
) -> None:
    for change, message in CHANGES:
        (tmp_path / "pay.csv").write_bytes(change(LIST).encode())
        assert message in pay("run", job, "--approved", approved, code=3).stderr
    (tmp_path / "pay.csv").write_text(LIST)
    assert "the guards differ: caps" in pay("run", job, "--approved", approved, "--max-rows", 9, code=3).stderr
    again = pay("run", job, "--approved", approved, "--run-key", "2026-12", code=3)
    assert "the run key is 2026-12, approved was 2026-11" in again.stderr
    command("approval-key", "new", "--output", "own.key")
    result = pay("run", job, "--approved", approved, "--approver-key", "own.key.pub", code=3)
    assert "The job file names the trusted keys" in result.stderr
    file = tmp_path / approved
    file.write_text(file.read_text().replace('"rows":2', '"rows":3'))
    assert "changed after it was signed" in pay("run", job, "--approved", approved, code=3).stderr
    assert books()["transactions"] == []


def test_further_rows_of_an_approved_run_need_an_approval(
    pay: Pay, books: Books, tmp_path: Path, job: Path, approved: str
) -> None:
    pay("run", job, "--approved", approved, code=1)
    text = job.read_text()
    job.write_text(text.replace("required = true\n", ""))
    (tmp_path / "pay.csv").write_text(f"{LIST}C,+6595123402,5\n")
    assert "needs an approval" in pay("run", job, code=3).stderr
    assert len(books()["transactions"]) == 2


def test_accepted_rows_get_other_guards_only_with_an_approval(
    pay: Pay, command: Pay, job: Path, tmp_path: Path
) -> None:
    (tmp_path / "pay.csv").write_text("reference,phone,amount\nA,+6595123300,10\n")
    pay("plan", job, "--output", "plan.json")
    command("approve", "plan.json", "--key", "controller.key", "--yes")
    pay("run", job, "--approved", "plan.approved.json", "--tracking-timeout", 0, code=75)
    assert "needs an approval" in pay("run", job, "--max-attempts", 9, "--tracking-timeout", 0, code=3).stderr
    pay("run", job)


def test_planners_cannot_approve_their_own_plan(pay: Pay, command: Pay, books: Books, tmp_path: Path) -> None:
    (tmp_path / "pay.csv").write_text(LIST)
    command("approval-key", "new", "--output", "own.key")
    pay("plan", "pay.csv", "--product", 6418, "--output", "plan.json")
    result = command("approve", "plan.json", "--key", "own.key", "--yes", code=3)
    assert "made this plan. Another person must approve it" in result.stderr
    assert not (tmp_path / "plan.approved.json").exists()
    result = pay("run", "pay.csv", "--product", 6418, "--approver-key", "own.key.pub", code=3)
    assert "needs an approval" in result.stderr
    assert books()["transactions"] == []


def test_a_shared_secret_approves_and_never_shows(
    pay: Pay, command: Pay, books: Books, job: Path, environment: dict[str, str]
) -> None:
    text = job.read_text()
    job.write_text(text[: text.index("keys")] + 'keys = ["hmac"]\n')
    pay("plan", job, "--output", "plan.json")
    assert "The approval secret is missing" in command("approve", "plan.json", "--hmac", "--yes", code=3).stderr
    environment["BULK_TOPUP_APPROVAL_SECRET"] = "an-invented-secret-of-forty-characters-0"
    signed = command("approve", "plan.json", "--hmac", "--yes", "--json")
    paid = pay("run", job, "--approved", "plan.approved.json", code=1)
    assert "invented-secret" not in signed.stdout + signed.stderr + paid.stdout + paid.stderr
    assert len(books()["transactions"]) == 2


def test_an_expired_approval_is_refused(pay: Pay, command: Pay, books: Books, job: Path) -> None:
    pay("plan", job, "--output", "plan.json")
    command("approve", "plan.json", "--key", "controller.key", "--yes", "--hours", "0.0000001")
    assert re.search(
        r"expired \d{4}-\d\d-\d\d \d\d:\d\d UTC", pay("run", job, "--approved", "plan.approved.json", code=3).stderr
    )
    assert books()["transactions"] == []


def test_an_approved_plan_replaces_the_typed_confirmation_of_production(
    pay: Pay, command: Pay, books: Books, job: Path
) -> None:
    pay("plan", job, "--env", "production", "--output", "plan.json")
    command("approve", "plan.json", "--key", "controller.key", "--yes")
    pay("run", job, "--env", "production", "--approved", "plan.approved.json", code=1)
    assert len(books()["transactions"]) == 2


def test_without_yes_and_without_terminal_nothing_is_approved(
    pay: Pay, command: Pay, job: Path, tmp_path: Path
) -> None:
    pay("plan", job, "--output", "plan.json")
    result = command("approve", "plan.json", "--key", "controller.key", code=3)
    assert "Approving needs confirmation, but there is no terminal. Add --yes." in result.stderr
    assert "payroll/2026-11" in result.stdout
    assert not (tmp_path / "plan.approved.json").exists()


def test_an_approval_is_for_the_pairs_that_are_not_the_same(
    pay: Pay, command: Pay, books: Books, job: Path, tmp_path: Path
) -> None:
    job.write_text(job.read_text().replace("6418", "9240"))
    accounts = '"credit_party_identifier.account_number" = "account"'
    job.write_text(job.read_text().replace("[approval]", f'[columns]\namount = "amount"\n{accounts}\n[approval]'))
    (tmp_path / "pay.csv").write_text("account,amount\n012,5000\n12,5000\n")
    decided = ("--not-the-same", 3, "--reason", "two meters")
    pay("plan", job, "--output", "plan.json", code=3)
    command("approve", "plan.json", "--key", "controller.key", "--yes")
    skipping = ("--approved", "plan.approved.json", "--skip-refused")
    slipped = pay("run", job, *skipping, *decided, code=3).stderr
    assert "the number of pairs that are not the same is 1, approved was 0" in slipped
    assert "the number of rows is 2, approved was 1" in slipped
    assert books()["transactions"] == []
    pay("plan", job, *decided, "--output", "plan.json")
    assert "pairs not the same" in command("approve", "plan.json", "--key", "controller.key", "--yes").stdout
    assert "approved was 1" in pay("run", job, *skipping, code=3).stderr
    assert books()["transactions"] == []
    pay("run", job, "--approved", "plan.approved.json", *decided)
    # The decision is kept now, and the same approval is for it as well.
    pay("run", job, "--approved", "plan.approved.json")
    assert sorted(entry["credit_party"] for entry in books()["transactions"]) == ["012", "12"]


def test_the_callback_address_is_part_of_what_is_approved(
    pay: Pay, command: Pay, books: Books, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, other = "https://pay.invalid", "https://elsewhere.invalid"
    pay("plan", job, "--output", "plan.json", "--callback-url", url)
    assert url in command("approve", "plan.json", "--key", "controller.key", "--yes").stdout
    approved = ("--approved", "plan.approved.json")
    for given in ((), ("--callback-url", other)):
        error = pay("run", job, *approved, *given, code=3).stderr
        assert "the callback address (--callback-url or BULK_TOPUP_CALLBACK_URL) is" in error
    assert not books()["transactions"]
    pay("run", job, *approved, "--callback-url", url, code=1)
    paid = len(books()["transactions"])
    for command_ in ("resume", "retry"):
        assert f"not to {other}" in pay(command_, "payroll/2026-11", "--callback-url", other, code=3).stderr
    monkeypatch.setenv("BULK_TOPUP_CALLBACK_URL", other)
    refused = pay("resume", "payroll/2026-11", code=3).stderr
    assert "Remove --callback-url, and BULK_TOPUP_CALLBACK_URL from the environment" in refused
    assert len(books()["transactions"]) == paid
