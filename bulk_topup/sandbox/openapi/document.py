"""Joins the parts of the OpenAPI 3.1 description; pure."""

from functools import cache
from typing import Any

from bulk_topup.__version__ import __version__
from bulk_topup.sandbox.openapi import discovery, discovery_operations, payment_operations, payments
from bulk_topup.sandbox.openapi.parts import HEADERS, PARAMETERS, RESPONSES

#: The version of DT One's description that this one corresponds to.
VERSION = "1.23.0"
_ABOUT = (
    "Digital Value Services (DVS) sends airtime, data bundles, gift cards, PINs and bill payments to beneficiaries. "
    "Every request needs API credentials (HTTP basic authentication) and counts against their rate limit. Lists are "
    "paginated. An address that is not described here is answered with HTTP 404 and error 1000404. Responses may "
    "contain more fields than described; null and absent fields mean the same. Times are UTC. Amounts are exact "
    "decimals: do not read them as binary floating point."
)
_TAGS = {
    "Services": "Kinds of products.",
    "Countries": "Where products can be used.",
    "Operators": "Providers of the products' services.",
    "Benefit types": "Kinds of what beneficiaries receive.",
    "Promotions": "Temporary offers of operators.",
    "Campaigns": "Temporary offers of DT One.",
    "Products": "What the account can buy, with prices and required fields.",
    "Transactions": "Transfers of value: created, confirmed or cancelled, tracked to a final status.",
    "Balances": "The account's wallets.",
    "Look-ups": "Information about a credit party before it is paid.",
}


@cache
def document() -> dict[str, Any]:
    """Return the whole description, which is shared and must not be changed."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "DVS API",
            "version": VERSION,
            "summary": f"As bulk-topup {__version__} uses and simulates it.",
            "description": _ABOUT,
        },
        "servers": [
            {"url": "/v1", "description": "The sandbox that serves this description"},
            {"url": "https://preprod-dvs-api.dtone.com/v1", "description": "Test environment of DVS"},
            {"url": "https://dvs-api.dtone.com/v1", "description": "Production: real money"},
        ],
        "security": [{"keyPair": []}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": discovery_operations.PATHS | payment_operations.PATHS,
        "components": {
            "securitySchemes": {
                "keyPair": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The API key as user name, the API secret as password.",
                }
            },
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": RESPONSES,
            "schemas": dict(sorted((discovery.SCHEMAS | payments.SCHEMAS).items())),
        },
    }
