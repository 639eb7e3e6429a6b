"""What logs and tracebacks leave out, of any logger."""

import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bulk_topup.dvs.errors import NoResponseError
from bulk_topup.security import redaction
from bulk_topup.security.redaction import (
    LEFT_OUT,
    for_log,
    redact_personal_data,
    redact_secrets,
    register_credentials,
    register_secret,
)


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_secrets", set())


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Records as created after the command line started."""
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(redaction._record)
    yield caplog
    logging.setLogRecordFactory(before)


@given(digits=st.text("0123456789", min_size=7, max_size=20), mark=st.sampled_from(["", "+", "00", "%2B"]))
def test_no_number_of_a_person_is_logged(digits: str, mark: str) -> None:
    assert digits not in for_log(f"credited {mark}{digits}.")


@pytest.mark.parametrize("text", ["+65 9512 3100", "06.59.51.23.10", "(0659) 512-3100", "4711-0815-9999-0000"])
def test_numbers_in_groups_are_no_exception(text: str) -> None:
    assert for_log(f"to {text} now") == f"to {LEFT_OUT} now"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ("https://host/v1/transactions?credit_party_account_number=AB-77-X&page=2", "AB-77-X"),
        ('{"pin": {"code": "AB-12", "serial": "XY-9"}}', "AB-12"),
        ('{"pin": {"code": "AB-12", "serial": "XY-9"}}', "XY-9"),
        ("scanned LPA:1$esim.example$AB-12-CD today", "AB-12-CD"),
        ("https://esim.example/apple?carddata=LPA:1$esim.example$AB-12", "AB-12"),
        ("https://esim.example/apple?carddata=lpa:1%24esim.example%24AB-12", "AB-12"),
        ('{"profile": {"activation_code": "AB-12"}}', "AB-12"),
        ('{"apple_universal_link": "https://esim.example/AB-12"}', "AB-12"),
        ('{"android_universal_link": "https://esim.example/AB-12"}', "AB-12"),
        ('{"installation_url": "https://esim.example/AB-12"}', "AB-12"),
        ("result_esim_installation_url: 'https://esim.example/AB-12'", "AB-12"),
        ("{'sender': {'last_name': 'Tan', 'email': 'a@example.com'}}", "Tan"),
        ("{'sender': {'last_name': 'Tan', 'email': 'a@example.com'}}", "a@example.com"),
    ],
)
def test_personal_data_of_a_request_is_not_logged(text: str, secret: str) -> None:
    assert secret not in for_log(text)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            "Can't write to /in, so /in/pay.csv can't be archived.",
            "Can't write to /in, so /in/pay.csv can't be archived.",
        ),
        (
            """Can't write to "/srv/Tan": [Errno 28] No space: '/srv/Tan/x'.""",
            "Can't write to •••: [Errno 28] No space: •••.",
        ),
        ("Can't use it. Run `bulk-topup resume 'of May/1'`.", "Can't use it. Run `bulk-topup resume •••`."),
        ('The list\'s value "O\'Brien" differs from DVS\'s "Tan".', "The list's value ••• differs from DVS's •••."),
        ("KeyError: 'Tan' or b's' or b't'", "KeyError: ••• or b••• or b•••"),
        ("Can't write to \"O'Brien Ann\": no space.", "Can't write to •••: no space."),
        ("'utf-8' codec can't decode 'Ann Example'", "••• codec can't decode •••"),
        ("invalid literal b'Ann' or rb'Ann' or name='Ann'", "invalid literal b••• or rb••• or name=•••"),
    ],
)
def test_an_apostrophe_in_a_word_neither_hides_a_sentence_nor_reveals_what_is_quoted(text: str, redacted: str) -> None:
    assert redact_personal_data(text) == redacted


def test_a_key_pair_is_left_out_in_every_form_that_it_is_sent_in() -> None:
    register_credentials("key", "s3cret")
    text = redact_secrets("the secret s3cret, sent as a2V5OnMzY3JldA== or Basic a2V5OnMzY3JldA==")
    assert text == f"the secret {LEFT_OUT}, sent as {LEFT_OUT} or Basic {LEFT_OUT}"


def test_an_error_of_the_api_never_says_the_secret() -> None:
    register_credentials("key", "s3cret")
    assert "s3cret" not in str(NoResponseError("No response: illegal header value 's3cret'"))


def test_texts_for_people_keep_the_cell_that_is_wrong() -> None:
    sentence = 'list.csv line 2, column "phone": "06595123" is not an E.164 number.'
    assert redact_secrets(sentence) == sentence


def test_records_of_any_logger_have_no_personal_data_in_message_arguments_and_traceback(
    records: pytest.LogCaptureFixture,
) -> None:
    class Cell(BaseModel):
        amount: int

    register_secret("t0ken-of-the-path")
    log = logging.getLogger("somebody.elses")
    log.warning("to %s at %s", "+6595123100", "/t0ken-of-the-path")
    log.warning("failed: %s / %r", KeyError("Ann Example"), KeyError("Ann Example"))
    log.warning("%(number)s", {"number": "+6595123100"})
    log.warning("wrong %s number %s of arguments", "+6595123100")
    try:
        Cell.model_validate({"amount": "Ann +6595123100"})
    except ValidationError:
        log.exception("not read")
    shown = "".join(logging.Formatter().format(record) for record in records.records)
    assert len(records.records) == 5
    for text in ("6595123100", "Ann", "t0ken"):
        assert text not in shown
    assert "test_redaction.py" in shown
    assert "ValidationError" in shown


CRASH = """
    import sys, threading
    from bulk_topup.security.redaction import install_redaction, register_secret
    install_redaction()
    register_secret("s3cret-of-somebody")
    def fail():
        raise RuntimeError("s3cret-of-somebody for '+6595123100'")
    if sys.argv[1] == "thread":
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    elif sys.argv[1] == "warning":
        import warnings
        warnings.warn("about +6595123100")
    else:
        fail()
"""


@pytest.mark.parametrize("where", ["main", "thread", "warning"])
def test_unexpected_errors_are_printed_without_secrets_and_personal_data(where: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CRASH), where], capture_output=True, text=True, check=False
    )
    assert ended.returncode == (1 if where == "main" else 0)
    assert ("UserWarning" if where == "warning" else "RuntimeError") in ended.stderr
    assert "s3cret" not in ended.stderr
    assert "6595123100" not in ended.stderr
