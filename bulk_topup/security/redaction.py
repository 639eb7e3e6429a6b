"""Keeps secrets and people out of logs and tracebacks, and secrets out of everything; touches logging and the hooks.

Whatever a library or we ourselves log passes `for_log` before any handler sees it: it is done where records are made,
so that no handler, formatter or logger that is added later can miss it.
"""

import base64
import logging
import re
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Final

#: Stands where something was left out.
LEFT_OUT: Final = "•••"

#: Shorter texts are no secrets, and would be found everywhere.
_SHORTEST_SECRET: Final = 4
_AUTHORIZATION: Final = re.compile(r"(?i)\b(basic|bearer)(\s+|%20)[A-Za-z0-9+/=._~-]{6,}")
#: Mobile and account numbers, meters, cards and PINs: what has seven or more digits, in groups or not.
_NUMBER: Final = re.compile(r"\+?\(?\d(?:[ ()./-]{0,2}\d){6,}")
#: What a request says of people, as a query or as an item of JSON or of a dict.
_PERSONAL: Final = (
    r"account_number|account_qualifier|mobile_number|msisdn|first_name|last_name|middle_name|email|address_\w+"
    r"|purchaser_id|reference|pin|pin_code|pin_serial|code|serial|api_key|api_secret|authorization"
)
_QUERY: Final = re.compile(rf"(?i)([?&](?:\w+_)?(?:{_PERSONAL})=)[^&\s\"']+")
_ITEM: Final = re.compile(rf"""(?i)(["']?\b(?:\w+_)?(?:{_PERSONAL})["']?\s*[:=]\s*["'])[^"']+""")
#: What an error quotes; where a traceback's frames stand in their files is told all the same.
_QUOTED: Final = re.compile(r"""(?m)(^[\s|]*File ".*$)|"[^"\n]*"|'[^'\n]*'""")
#: pydantic quotes what it was given.
_INPUT: Final = re.compile(r"(input_value=).*?(?=, input_type=)", re.DOTALL)

#: Texts that are secret in this process.
_secrets: set[str] = set()


def register_secret(*secrets: str) -> None:
    """Leave these texts out of all that is logged or said from now on."""
    _secrets.update(text for text in secrets if len(text) >= _SHORTEST_SECRET)


def register_credentials(api_key: str, api_secret: str) -> None:
    """Leave out an account's secret, and what basic auth makes of the pair; the key alone is no secret."""
    register_secret(api_secret, base64.b64encode(f"{api_key}:{api_secret}".encode()).decode())


def redact_secrets(text: str) -> str:
    """Give a text for people without any secret; what they wrote in their own list may stand in it."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, LEFT_OUT)
    return _AUTHORIZATION.sub(rf"\1\2{LEFT_OUT}", text)


def for_log(text: str) -> str:
    """Give a text for a log: without any secret, number or name."""
    text = _INPUT.sub(rf"\1{LEFT_OUT}", redact_secrets(text))
    for quoted in (_QUERY, _ITEM):
        text = quoted.sub(rf"\1{LEFT_OUT}", text)
    return _NUMBER.sub(LEFT_OUT, text)


def redact_personal_data(text: str) -> str:
    """Give a sentence of ours for readers who may not know the people in it: no secret, no number, nothing quoted."""
    return for_log(_QUOTED.sub(lambda match: match[1] or LEFT_OUT, text))


def install(level: int = logging.WARNING) -> None:
    """Log to standard error from this level on, and let nothing through that does not belong there.

    Tracebacks of errors that nobody expected pass the same way.
    """
    logging.setLogRecordFactory(_record)
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    logging.captureWarnings(capture=True)
    sys.excepthook = _excepthook
    threading.excepthook = _thread_excepthook


def _record(*values: Any, **more: Any) -> logging.LogRecord:
    record = logging.LogRecord(*values, **more)
    if isinstance(record.args, tuple):
        record.args = tuple(_error_text(each) if isinstance(each, BaseException) else each for each in record.args)
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):
        message = str(record.msg)  # its arguments do not fit, and are left out
    record.msg, record.args = for_log(message), None
    if record.exc_info:
        record.exc_text = _traceback_text(*record.exc_info)
        record.exc_info = None
    if record.stack_info:
        record.stack_info = for_log(record.stack_info)
    return record


def _excepthook(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    sys.stderr.write(f"{_traceback_text(kind, error, trace)}\n")


def _thread_excepthook(told: threading.ExceptHookArgs) -> None:
    if told.exc_type is not SystemExit:  # which only ends its thread
        _excepthook(told.exc_type, told.exc_value, told.exc_traceback)


def _traceback_text(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> str:
    text = "".join(traceback.format_exception(kind, error, trace)).rstrip("\n")
    return redact_personal_data(text)


def _error_text(error: BaseException) -> str:
    return f"{type(error).__name__}: {_QUOTED.sub(LEFT_OUT, str(error))}"
