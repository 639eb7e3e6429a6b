"""Puts the description together: OpenAPI 3.1 of the whole API; pure."""

from functools import cache
from typing import Any

from bulk_topup.__version__ import __version__
from bulk_topup.sandbox.openapi import discovery, payments
from bulk_topup.sandbox.openapi.operations import PATHS
from bulk_topup.sandbox.openapi.parts import HEADERS, PARAMETERS, RESPONSES

_ABOUT = (
    "Digital Value Services (DVS) sends airtime, data bundles, gift cards, PINs and bill payments to beneficiaries. "
    "Every request needs a key pair (HTTP basic authentication) and counts against its rate limit. Lists come in "
    "pages. An address that is not described here is answered with HTTP 404 and error 1000404. Answers can have more "
    "fields than are described, and a field that is null and one that is absent mean the same. Times are UTC; amounts "
    "are exact decimals and should not be read as binary floating point."
)
_TAGS = {
    "Services": "Kinds of products.",
    "Countries": "Where products are for.",
    "Operators": "Who provides the products' services.",
    "Benefit types": "What products turn into.",
    "Promotions": "What operators add for a time.",
    "Campaigns": "What the provider adds for a time.",
    "Products": "What the account can buy, at which prices, and what each requires.",
    "Transactions": "Transfers of value: created, confirmed or cancelled, followed to a final status.",
    "Balances": "The account's wallets.",
    "Look-ups": "Questions about a credit party, asked before it is paid.",
}


@cache
def document() -> dict[str, Any]:
    """Give the whole description; it is shared, so nobody may change it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "DVS API",
            "version": "1",
            "summary": f"As bulk-topup {__version__} uses and simulates it.",
            "description": _ABOUT,
        },
        "servers": [
            {"url": "/v1", "description": "The sandbox that serves this description"},
            {"url": "https://preprod-dvs-api.dtone.com/v1", "description": "The provider's own test environment"},
            {"url": "https://dvs-api.dtone.com/v1", "description": "Production: real money"},
        ],
        "security": [{"keyPair": []}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": PATHS,
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
