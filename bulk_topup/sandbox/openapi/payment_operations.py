"""The operations of transactions, balances and look-ups: paths, parameters, bodies and responses; plain data."""

from typing import Any

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.openapi.parts import listing, operation
from bulk_topup.sandbox.openapi.vocabulary import ref

#: Error codes of a creation.
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
                "description": "Retried several times until it is answered with a 2xx status. "
                "Treat it as a hint, and fetch the transaction before you rely on it.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref("Transaction")}},
                },
                "responses": {"2XX": {"description": "Received."}},
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


_WAIT = "is answered when the status is final, or after 180 seconds with the status at that time"

PATHS: dict[str, dict[str, Any]] = {
    "/async/transactions": {
        "post": {
            **_creation(
                "create",
                "Async",
                "It is processed after the response. Unless `auto_confirm` is true, it waits to be confirmed.",
            ),
            "callbacks": _CALLBACK,
        }
    },
    "/async/transactions/{transaction_id}/confirm": {
        "post": _confirmation(
            "Async", "Possible until `confirmation_expiration_date`; it is processed after the response."
        )
    },
    "/sync/transactions": {
        "post": _creation("create", "Sync", f"With `auto_confirm` it {_WAIT}; otherwise it waits to be confirmed.")
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
            description="Without dates and external ID, it lists the last 24 hours.",
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
            description="Possible until it is confirmed; the amount on hold becomes available again.",
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
    "/lookup/credit-party-benefits": {
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
    "/lookup/credit-party-status": {
        "post": operation(
            "getCreditPartyStatus",
            "Look-ups",
            "Get the installation and activation dates of a credit party's eSIM",
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
