"""An OpenAPI 3.1 description of the DVS API, as JSON and as a page; touches nothing."""

from bulk_topup.sandbox.openapi.document import document
from bulk_topup.sandbox.openapi.public import public_response

__all__ = ["document", "public_response"]
