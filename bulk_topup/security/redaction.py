"""Remove secrets and personal data from logs and tracebacks; touches logging and the exception hooks.

Every log record, of a library or of ours, passes `for_log` before any handler sees it. This happens where records are
created, so that it covers every handler, formatter and logger that is added later.
"""

import base64
import logging
import re
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Final

#: The mask of removed text.
LEFT_OUT: Final = "•••"

#: Shorter texts are no secrets, and occur everywhere.
_SHORTEST_SECRET: Final = 4
_AUTHORIZATION: Final = re.compile(r"(?i)\b(basic|bearer)(\s+|%20)[A-Za-z0-9+/=._~-]{6,}")
#: Mobile, account, meter and card numbers and PINs: seven or more digits, in groups or not.
_NUMBER: Final = re.compile(r"\+?\(?\d(?:[ ()./-]{0,2}\d){6,}")
#: The activation code of an eSIM, alone or in a link.
_ACTIVATION: Final = re.compile(r"(?i)\bLPA:1(?:\$|%24)[^\s\"'<>]+")
#: Names of request fields with personal data, in a query, in JSON or in a dict.
_PERSONAL: Final = (
    r"account_number|account_qualifier|mobile_number|msisdn|first_name|last_name|middle_name|email|address_\w+"
    r"|purchaser_id|reference|pin|pin_code|pin_serial|code|serial|iccid|universal_link|installation_url"
    r"|api_key|api_secret|authorization"
)
_QUERY: Final = re.compile(rf"(?i)([?&](?:\w+_)?(?:{_PERSONAL})=)[^&\s\"']+")
_ITEM: Final = re.compile(rf"""(?i)(["']?\b(?:\w+_)?(?:{_PERSONAL})["']?\s*[:=]\s*["'])[^"']+""")
#: Quoted text of an error; the file lines of a traceback stay. An apostrophe within a word, as in "can't", begins no
#: quotation: it would end at the next one, such as that of a quoted name. A literal such as b'...' does.
_QUOTED: Final = re.compile(
    r"""(?m)(^[\s|]*File ".*$)|"[^"\n]*"|(?:(?<!\w)|(?<=\b[BbFfRrUu])|(?<=\b[BbRr]{2}))'[^'\n]*'"""
)
#: pydantic quotes its input.
_INPUT: Final = re.compile(r"(input_value=).*?(?=, input_type=)", re.DOTALL)

#: The registered secrets of this process.
_secrets: set[str] = set()


def register_secret(*secrets: str) -> None:
    """Remove these texts from all logs and messages from now on."""
    _secrets.update(text for text in secrets if len(text) >= _SHORTEST_SECRET)


def register_credentials(api_key: str, api_secret: str) -> None:
    """Register an API secret, and the basic auth value of key and secret; the key alone is no secret."""
    register_secret(api_secret, base64.b64encode(f"{api_key}:{api_secret}".encode()).decode())


def redact_secrets(text: str) -> str:
    """Return a text without secrets, for people who may see the list's own values."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, LEFT_OUT)
    return _AUTHORIZATION.sub(rf"\1\2{LEFT_OUT}", text)


def for_log(text: str) -> str:
    """Return a text for a log, without secrets, numbers and names."""
    text = _INPUT.sub(rf"\1{LEFT_OUT}", redact_secrets(text))
    for pattern in (_QUERY, _ITEM):
        text = pattern.sub(rf"\1{LEFT_OUT}", text)
    return _NUMBER.sub(LEFT_OUT, _ACTIVATION.sub(LEFT_OUT, text))


def redact_personal_data(text: str) -> str:
    """Return one of our sentences for readers without access to personal data: no secret, no number, no quoted text."""
    return for_log(_QUOTED.sub(lambda match: match[1] or LEFT_OUT, text))


def install_redaction(level: int = logging.WARNING) -> None:
    """Log to standard error, with secrets and personal data removed from all records and tracebacks.

    Args:
        level: the lowest level that is logged, e.g. `logging.INFO`.
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
        message = str(record.msg)  # its arguments do not fit the format, and are dropped
    record.msg, record.args = for_log(message), None
    if record.exc_info:
        record.exc_text = _traceback_text(*record.exc_info)
        record.exc_info = None
    if record.stack_info:
        record.stack_info = for_log(record.stack_info)
    return record


def _excepthook(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    sys.stderr.write(f"{_traceback_text(kind, error, trace)}\n")


def _thread_excepthook(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:  # which only ends its thread
        _excepthook(args.exc_type, args.exc_value, args.exc_traceback)


def _traceback_text(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> str:
    text = "".join(traceback.format_exception(kind, error, trace)).rstrip("\n")
    return redact_personal_data(text)


def _error_text(error: BaseException) -> str:
    return f"{type(error).__name__}: {_QUOTED.sub(LEFT_OUT, str(error))}"
