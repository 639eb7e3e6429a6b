"""The exception that becomes an error response of the reference; touches nothing."""

from bulk_topup.dvs.statuses import ERROR_TABLE, ErrorCode


class ErrorResponse(Exception):  # noqa: N818 - it is a response, not a failure
    """A response with an error code of the reference.

    Args:
        code: the error code, which determines HTTP status and message.
        detail: what exactly is wrong, added to the message.
    """

    def __init__(self, code: ErrorCode, detail: str = "") -> None:
        http_status, message = ERROR_TABLE[code]
        self.code = code
        self.http_status = http_status
        self.message = f"{message}: {detail}" if detail else message
        super().__init__(self.message)
