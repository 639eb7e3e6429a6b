"""The tables of statuses and error codes."""

from collections import Counter

from bulk_topup.dvs.errors import APIError, ErrorDetail, error_for
from bulk_topup.dvs.models.transaction import TransactionStatus
from bulk_topup.dvs.statuses import ERROR_TABLE, STATUSES, ErrorCode, StatusClass, class_of


def test_every_status_says_its_class_and_every_class_has_its_bare_status() -> None:
    assert {status.class_ for status in STATUSES.values()} == set(StatusClass)
    for message, status in STATUSES.items():
        assert message == status.message
        assert message == status.class_.name or message.startswith(f"{status.class_.name}-")
        assert status.class_.name in STATUSES
        assert (status.is_final, status.is_successful) == (status.class_.is_final, message == "COMPLETED")


def test_the_table_has_every_status_of_the_reference() -> None:
    per_class = Counter(status.class_.name for status in STATUSES.values())
    assert per_class == {
        "CREATED": 1,
        "CONFIRMED": 1,
        "REJECTED": 10,
        "CANCELLED": 1,
        "SUBMITTED": 1,
        "COMPLETED": 1,
        "REVERSED": 1,
        "DECLINED": 15,
    }


def test_what_is_unsuccessful_is_final_and_what_is_paid_is_not_unsuccessful() -> None:
    assert [class_ for class_ in StatusClass if not class_.is_final] == [
        StatusClass.CREATED,
        StatusClass.CONFIRMED,
        StatusClass.SUBMITTED,
    ]
    assert [class_ for class_ in StatusClass if class_.is_unsuccessful] == [
        StatusClass.REJECTED,
        StatusClass.CANCELLED,
        StatusClass.DECLINED,
    ]


def test_the_class_is_read_by_id_and_message_together() -> None:
    def status(id_: int, message: str) -> TransactionStatus:
        return TransactionStatus.model_validate({"id": 1, "message": "X", "class": {"id": id_, "message": message}})

    for class_ in StatusClass:
        assert class_of(status(class_, class_.name)) is class_
    assert class_of(status(StatusClass.DECLINED, "COMPLETED")) is None
    assert class_of(status(6, "COMPLETED")) is None


def test_every_code_has_its_http_status_and_its_text() -> None:
    assert set(ERROR_TABLE) == set(ErrorCode)
    for code, (status, message) in ERROR_TABLE.items():
        error = error_for(status, (ErrorDetail(code=code, message=message),))
        assert isinstance(error, APIError)
        assert error.has_code(code)
        assert f"{message} ({code})" in str(error)
        assert error.outcome_unknown == (status >= 500)
