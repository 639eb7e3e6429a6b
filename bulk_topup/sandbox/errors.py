"""How the sandbox says no: one exception that carries the reference's error code; touches nothing."""

from bulk_topup.dvs.statuses import ERROR_TABLE, ErrorCode


class ErrorResponse(Exception):  # noqa: N818 - a refusal is an answer, not a failure
    """A request is answered with an error of the reference.

    Args:
        code: the error code, which decides the HTTP status and the message.
        detail: what exactly is wrong, for the person who reads the answer.
    """

    def __init__(self, code: ErrorCode, detail: str = "") -> None:
        http_status, message = ERROR_TABLE[code]
        self.code = code
        self.http_status = http_status
        self.message = f"{message}: {detail}" if detail else message
        super().__init__(self.message)
