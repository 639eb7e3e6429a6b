"""The operations of the API: the path, parameters, body, answer and error codes of each; plain data."""

from typing import Any

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.openapi.parts import listing, operation
from bulk_topup.sandbox.openapi.vocabulary import ref

#: What a creation can be refused with.
_CREATION = (
    ErrorCode.PRODUCT_NOT_AVAILABLE,
    ErrorCode.AMOUNT_OUT_OF_RANGE,
    ErrorCode.PRODUCT_UNIT_INVALID,
    ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID,
    ErrorCode.SENDER_MOBILE_NUMBER_INVALID,
    ErrorCode.INSUFFICIENT_BALANCE,
    ErrorCode.DEBIT_PARTY_MOBILE_NUMBER_INVALID,
    ErrorCode.BENEFICIARY_MOBILE_NUMBER_INVALID,
    ErrorCode.EXTERNAL_ID_ALREADY_USED,
)
_CONFIRMATION = (
    ErrorCode.ALREADY_CONFIRMED,
    ErrorCode.CONFIRMATION_NO_LONGER_POSSIBLE,
    ErrorCode.ALREADY_CANCELLED,
    ErrorCode.TRANSACTION_NOT_FOUND,
)
_CANCELLATION = (
    ErrorCode.ALREADY_CANCELLED,
    ErrorCode.CANCELLATION_NO_LONGER_POSSIBLE,
    ErrorCode.TRANSACTION_NOT_FOUND,
)

_EXAMPLES = {
    "fixed": {
        "summary": "A fixed product",
        "value": {
            "external_id": "example-1",
            "product_id": 3411,
            "credit_party_identifier": {"mobile_number": "+6595123100"},
            "auto_confirm": True,
        },
    },
    "ranged": {
        "summary": "An amount of a ranged product",
        "value": {
            "external_id": "example-2",
            "product_id": 6418,
            "calculation_mode": "DESTINATION_AMOUNT",
            "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 5.5},
            "credit_party_identifier": {"mobile_number": "+6595123100"},
        },
    },
    "bill": {
        "summary": "A bill",
        "value": {
            "external_id": "example-3",
            "product_id": 9105,
            "calculation_mode": "DESTINATION_AMOUNT",
            "destination": {"unit_type": "CURRENCY", "unit": "KES", "amount": 1500.25},
            "credit_party_identifier": {"account_number": "30294429610", "account_qualifier": "PREPAID"},
            "statement_identifier": {"reference": "INV-1"},
        },
    },
}
_CALLBACK = {
    "statusChanged": {
        "{$request.body#/callback_url}": {
            "post": {
                "summary": "The transaction's status has changed",
                "description": "Sent again several times until it is answered with a 2xx status. "
                "Take it as a hint, and fetch the transaction before you rely on it.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref("Transaction")}},
                },
                "responses": {"2XX": {"description": "Taken note of."}},
            }
        }
    }
}


def _creation(name: str, mode: str, description: str) -> dict[str, Any]:
    return operation(
        f"{name}Transaction{mode}",
        "Transactions",
        f"Create a transaction, {'asynchronously' if mode == 'Async' else 'synchronously'}",
        ref("Transaction"),
        description=description,
        status=201,
        body={"schema": ref(f"{mode}TransactionRequest"), "examples": _EXAMPLES},
        codes=_CREATION,
    )


def _confirmation(mode: str, description: str) -> dict[str, Any]:
    return operation(
        f"confirmTransaction{mode}",
        "Transactions",
        f"Confirm a transaction, {'asynchronously' if mode == 'Async' else 'synchronously'}",
        ref("Transaction"),
        description=description,
        status=202,
        in_path="transaction_id",
        codes=_CONFIRMATION,
    )


_WAIT = "answers when the status is final, or after 180 seconds with the status of then"

PATHS: dict[str, dict[str, Any]] = {
    "/services": {
        "get": listing(
            "listServices",
            "Services",
            "List services",
            "Service",
            filters=("country_iso_code",),
            codes=(ErrorCode.SERVICE_NOT_FOUND,),
        )
    },
    "/services/{service_id}": {
        "get": operation(
            "getService",
            "Services",
            "Get a service",
            ref("Service"),
            in_path="service_id",
            codes=(ErrorCode.SERVICE_NOT_FOUND,),
        )
    },
    "/countries": {
        "get": listing(
            "listCountries",
            "Countries",
            "List countries",
            "Country",
            filters=("service_id", "subservice_id"),
            codes=(ErrorCode.COUNTRY_NOT_FOUND,),
        )
    },
    "/countries/{country_iso_code}": {
        "get": operation(
            "getCountry",
            "Countries",
            "Get a country",
            ref("Country"),
            in_path="country_iso_code",
            codes=(ErrorCode.COUNTRY_NOT_FOUND,),
        )
    },
    "/operators": {
        "get": listing(
            "listOperators",
            "Operators",
            "List operators",
            "Operator",
            filters=("country_iso_code", "service_id", "subservice_id"),
            codes=(ErrorCode.OPERATOR_NOT_FOUND,),
        )
    },
    "/operators/{operator_id}": {
        "get": operation(
            "getOperator",
            "Operators",
            "Get an operator",
            ref("Operator"),
            in_path="operator_id",
            codes=(ErrorCode.OPERATOR_NOT_FOUND,),
        )
    },
    "/benefit-types": {
        "get": listing(
            "listBenefitTypes",
            "Benefit types",
            "List benefit types",
            "BenefitType",
            codes=(ErrorCode.BENEFITS_NOT_DEFINED,),
        )
    },
    "/promotions": {
        "get": listing(
            "listPromotions",
            "Promotions",
            "List promotions",
            "Promotion",
            filters=("country_iso_code", "operator_id", "product_id", "accept_language"),
            codes=(ErrorCode.PROMOTION_NOT_FOUND,),
            headers=("Content-Language",),
        )
    },
    "/promotions/{promotion_id}": {
        "get": operation(
            "getPromotion",
            "Promotions",
            "Get a promotion",
            ref("Promotion"),
            in_path="promotion_id",
            parameters=("accept_language",),
            codes=(ErrorCode.PROMOTION_NOT_FOUND,),
            headers=("Content-Language",),
        )
    },
    "/campaigns": {
        "get": listing(
            "listCampaigns",
            "Campaigns",
            "List campaigns",
            "Campaign",
            filters=("country_iso_code", "operator_id", "product_id"),
            codes=(ErrorCode.CAMPAIGN_NOT_FOUND,),
        )
    },
    "/campaigns/{campaign_id}": {
        "get": operation(
            "getCampaign",
            "Campaigns",
            "Get a campaign",
            ref("Campaign"),
            in_path="campaign_id",
            codes=(ErrorCode.CAMPAIGN_NOT_FOUND,),
        )
    },
    "/products": {
        "get": listing(
            "listProducts",
            "Products",
            "List products",
            "Product",
            filters=(
                "type",
                "service_id",
                "subservice_id",
                "tags",
                "country_iso_code",
                "operator_id",
                "region",
                "benefit_types",
                "accept_language",
            ),
            codes=(ErrorCode.PRODUCT_NOT_AVAILABLE,),
            headers=("Content-Language",),
        )
    },
    "/products/{product_id}": {
        "get": operation(
            "getProduct",
            "Products",
            "Get a product",
            ref("Product"),
            in_path="product_id",
            parameters=("accept_language",),
            codes=(ErrorCode.PRODUCT_NOT_AVAILABLE,),
            headers=("Content-Language",),
        )
    },
    "/async/transactions": {
        "post": {
            **_creation(
                "create",
                "Async",
                "It is processed after the answer. Unless `auto_confirm` is true it waits to be confirmed.",
            ),
            "callbacks": _CALLBACK,
        }
    },
    "/async/transactions/{transaction_id}/confirm": {
        "post": _confirmation(
            "Async", "Possible until `confirmation_expiration_date`; it is processed after the answer."
        )
    },
    "/sync/transactions": {
        "post": _creation("create", "Sync", f"With `auto_confirm` it {_WAIT}; else it waits to be confirmed.")
    },
    "/sync/transactions/{transaction_id}/confirm": {
        "post": _confirmation("Sync", f"Possible until `confirmation_expiration_date`; it {_WAIT}.")
    },
    "/transactions": {
        "get": listing(
            "listTransactions",
            "Transactions",
            "List transactions",
            "Transaction",
            description="With neither dates nor an external id it lists the last 24 hours.",
            filters=(
                "external_id",
                "product_type",
                "service_id",
                "subservice_id",
                "country_iso_code",
                "operator_id",
                "status_id",
                "credit_party_mobile_number",
                "credit_party_account_number",
                "from_date",
                "to_date",
            ),
            codes=(ErrorCode.TRANSACTION_NOT_FOUND,),
        )
    },
    "/transactions/{transaction_id}": {
        "get": operation(
            "getTransaction",
            "Transactions",
            "Get a transaction",
            ref("Transaction"),
            in_path="transaction_id",
            codes=(ErrorCode.TRANSACTION_NOT_FOUND,),
        )
    },
    "/transactions/{transaction_id}/cancel": {
        "post": operation(
            "cancelTransaction",
            "Transactions",
            "Cancel a transaction",
            ref("Transaction"),
            description="Possible as long as it is not confirmed; the money that was set aside is available again.",
            status=202,
            in_path="transaction_id",
            codes=_CANCELLATION,
        )
    },
    "/balances": {
        "get": listing(
            "listBalances",
            "Balances",
            "List balances",
            "Balance",
            filters=("unit_type", "unit"),
            codes=(ErrorCode.BALANCE_NOT_FOUND,),
        )
    },
    "/lookup/mobile-number/{mobile_number}": {
        "get": listing(
            "lookUpMobileNumber",
            "Look-ups",
            "List the operators of a mobile number's country",
            "LookedUpOperator",
            in_path="mobile_number",
            codes=(ErrorCode.OPERATOR_NOT_FOUND,),
        )
    },
    "/lookup/mobile-number": {
        "post": listing(
            "lookUpMobileNumberInBody",
            "Look-ups",
            "List the operators of a mobile number's country, with the number in the body",
            "LookedUpOperator",
            body={"schema": ref("MobileNumberLookup"), "example": {"mobile_number": "+6595123100"}},
            codes=(ErrorCode.OPERATOR_NOT_FOUND,),
        )
    },
    "/lookup/statement-inquiry": {
        "post": listing(
            "inquireStatements",
            "Look-ups",
            "List the open bills of an account",
            "Statement",
            body={
                "schema": ref("StatementInquiry"),
                "example": {"product_id": 9105, "account_number": "30294429610", "account_qualifier": "PREPAID"},
            },
            codes=(ErrorCode.PRODUCT_NOT_AVAILABLE, ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR),
        )
    },
    "/lookup/credit-party/benefits": {
        "post": listing(
            "listCreditPartyBenefits",
            "Look-ups",
            "List the benefits that a credit party has",
            "CreditPartyBenefit",
            body={
                "schema": ref("CreditPartyPagedLookup"),
                "example": {"service_id": 13, "credit_party_identifier": {"account_number": "8944-500"}},
            },
            codes=(
                ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR,
                ErrorCode.SERVICE_NOT_FOUND,
                ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID,
            ),
        )
    },
    "/lookup/credit-party/status": {
        "post": operation(
            "getCreditPartyStatus",
            "Look-ups",
            "Tell when a credit party's eSIM was installed and activated",
            ref("CreditPartyStatus"),
            body={
                "schema": ref("CreditPartyLookup"),
                "example": {"service_id": 13, "credit_party_identifier": {"account_number": "8944-500"}},
            },
            codes=(
                ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR,
                ErrorCode.SERVICE_NOT_FOUND,
                ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID,
            ),
        )
    },
}
