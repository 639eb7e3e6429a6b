"""The two addresses without authentication: the description as JSON and as a page, built at the first request."""

from collections.abc import Callable
from functools import cache

from starlette.responses import HTMLResponse, JSONResponse, Response

from bulk_topup.sandbox.openapi.document import document
from bulk_topup.sandbox.openapi.page import page


@cache
def _json() -> Response:
    return JSONResponse(document())


@cache
def _page() -> Response:
    return HTMLResponse(page(document()))


_PUBLIC: dict[str, Callable[[], Response]] = {"/openapi.json": _json, "/docs": _page}


def public_response(method: str, path: str) -> Response | None:
    """Return the response of an address without authentication; None for all other addresses."""
    found = _PUBLIC.get(path) if method == "GET" else None
    return found() if found else None
