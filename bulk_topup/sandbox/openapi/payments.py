"""Schemas of transactions, balances, look-ups and errors; plain data."""

from bulk_topup.dvs import field_limits
from bulk_topup.dvs.statuses import ERROR_TABLE, STATUSES, StatusClass
from bulk_topup.sandbox.openapi.metadata import METADATA
from bulk_topup.sandbox.openapi.vocabulary import (
    Schema,
    day,
    many,
    moment,
    nulls,
    number,
    one_of,
    or_null,
    ref,
    text,
    thing,
    whole,
)
from bulk_topup.sandbox.provider.callback_url import CALLBACK_URL

_PERSON = nulls(
    {
        "last_name": ref("NonEmptyText"),
        "first_name": ref("NonEmptyText"),
        "middle_name": ref("NonEmptyText"),
        "nationality_country_iso_code": ref("CountryCode"),
        "mobile_number": ref("MobileNumber"),
        "email": ref("NonEmptyText"),
        "address_text": ref("NonEmptyText"),
        "address_city": ref("NonEmptyText"),
        "address_country_iso_code": ref("CountryCode"),
        "address_postal_code": ref("PostalCode"),
    }
)
#: The groups of fields that a product can require; a transaction contains them as they were sent.
_GROUPS = {
    "sender": or_null(ref("Person"), "The sender; see `required_sender_fields` of the product."),
    "beneficiary": or_null(ref("Person"), "The beneficiary; see `required_beneficiary_fields` of the product."),
    "debit_party_identifier": or_null(
        ref("Party"), "The account that pays; see `required_debit_party_identifier_fields` of the product."
    ),
    "credit_party_identifier": or_null(
        ref("Party"), "The account that is credited; see `required_credit_party_identifier_fields` of the product."
    ),
    "statement_identifier": or_null(
        ref("StatementIdentifier"),
        "The bill that is paid; see `required_statement_identifier_fields` of the product.",
    ),
    "additional_identifier": or_null(
        ref("AdditionalIdentifier"),
        "Data for compliance; see `required_additional_identifier_fields` of the product.",
    ),
}
_CALLBACK_URL = text(
    "Address to which the transaction is sent by POST each time its status changes.",
    format="uri",
    pattern=CALLBACK_URL,
)


def _request(description: str, more: dict[str, Schema] | None = None) -> Schema:
    return thing(
        description,
        {"external_id": ref("ExternalId"), "product_id": ref("ProductId")},
        {
            "calculation_mode": or_null(
                ref("CalculationMode"), "Required for ranged products; see `accepted_calculation_modes`."
            ),
            "source": or_null(ref("RequestedAmount"), "Required with `calculation_mode` SOURCE_AMOUNT."),
            "destination": or_null(ref("RequestedAmount"), "Required with `calculation_mode` DESTINATION_AMOUNT."),
            "auto_confirm": {
                "type": "boolean",
                "default": False,
                "description": "Whether the transaction is confirmed as it is created.",
            },
            **_GROUPS,
            **(more or {}),
        },
    )


_SIDES = {"source": ref("Amount"), "destination": ref("Amount")}
_PAGE = {"page": whole("Number of the page."), "per_page": ref("PerPage")}

SCHEMAS: dict[str, Schema] = {
    "TransactionId": whole("Transaction.", bits=64),
    "ExternalId": text(
        "Your unique ID of a transaction; each is accepted once.",
        minLength=1,
        maxLength=field_limits.EXTERNAL_ID_MAX_LENGTH,
        pattern=field_limits.NON_EMPTY,
    ),
    "NonEmptyText": text(minLength=1, pattern=field_limits.NON_EMPTY),
    "MobileNumber": text("Mobile number in E.164 form.", pattern=field_limits.E164),
    "AccountNumber": text(
        "Account number.", minLength=1, maxLength=field_limits.ACCOUNT_NUMBER_MAX_LENGTH, pattern=field_limits.NON_EMPTY
    ),
    "PostalCode": text(pattern=field_limits.POSTAL_CODE),
    "PerPage": {
        **whole("Entries per page."),
        "maximum": field_limits.PER_PAGE_MAX,
        "default": field_limits.PER_PAGE_DEFAULT,
    },
    "RequestedAmount": thing(
        "An amount on one side of a ranged product, in that side's unit.",
        {"unit_type": ref("UnitType"), "unit": ref("NonEmptyText"), "amount": number()},
    ),
    "Person": thing("A sender or a beneficiary.", {}, _PERSON, minProperties=1),
    "Party": thing(
        "An account: a mobile number, or an account number with its qualifier.",
        {},
        nulls(
            {
                "mobile_number": ref("MobileNumber"),
                "account_number": ref("AccountNumber"),
                "account_qualifier": ref("NonEmptyText"),
            }
        ),
        minProperties=1,
    ),
    "StatementIdentifier": thing(
        "A bill.", {}, {"reference": or_null(ref("NonEmptyText")), "due_date": or_null(day())}, minProperties=1
    ),
    "AdditionalIdentifier": thing(
        "Data for compliance.",
        {},
        {
            "purchaser_id": or_null(
                text(pattern=field_limits.PURCHASER_ID), "Invented ID of the till, agent or person that buys."
            )
        },
        minProperties=1,
    ),
    "AsyncTransactionRequest": _request(
        "A transaction to be created in asynchronous mode.", {"callback_url": or_null(_CALLBACK_URL)}
    ),
    "SyncTransactionRequest": _request("A transaction to be created in synchronous mode."),
    "TransactionStatus": thing(
        "The status of a transaction. Programs use the class; the status itself is for people.",
        {
            "id": {"type": "integer", "description": "The ID of the class, then four digits for the detail."},
            "message": text("For example " + ", ".join(list(STATUSES)[:4]) + ".", minLength=1),
            "class": thing(
                "The class, which decides what happens to the money.",
                {
                    "id": {"type": "integer", "enum": [class_.value for class_ in StatusClass]},
                    "message": one_of(*(class_.name for class_ in StatusClass)),
                },
            ),
        },
    ),
    "Pin": thing("The voucher of a PIN product.", {"code": ref("NonEmptyText"), "serial": ref("NonEmptyText")}),
    "Transaction": thing(
        "A transfer of value to a beneficiary.",
        {
            "id": ref("TransactionId"),
            "external_id": ref("ExternalId"),
            "creation_date": moment(),
            "status": ref("TransactionStatus"),
            "product": ref("ProductOfTransaction"),
            "prices": ref("FixedPrices"),
            "rates": ref("Rates"),
        },
        {
            "confirmation_expiration_date": moment("Until when it can be confirmed."),
            "confirmation_date": moment(),
            "operator_reference": or_null(text()),
            "pin": or_null(ref("Pin")),
            "benefits": or_null(many({"anyOf": [ref("FixedBenefit"), ref("RangedBenefit")]})),
            "promotions": or_null(many(ref("PromotionOfProduct"))),
            "requested_values": or_null(thing("The requested amounts.", {}, _SIDES)),
            "adjusted_values": or_null(
                thing("The delivered amounts, if they differ from the requested ones.", {}, _SIDES)
            ),
            **_GROUPS,
            "callback_url": {**_CALLBACK_URL, "description": "In responses to queries and in callbacks only."},
            "metadata": ref("TransactionMetadata"),
        },
    ),
    **METADATA,
    "Balance": thing(
        "A wallet in one unit.",
        {
            "id": whole(),
            "unit_type": ref("UnitType"),
            "unit": text(),
            "available": number("What can be spent."),
            "holding": number("What is on hold for transactions that are not final."),
            "credit_limit": number("How far what can be spent may fall below zero; 0 for not at all."),
        },
    ),
    "MobileNumberLookup": thing("A mobile number.", {"mobile_number": ref("MobileNumber")}, _PAGE),
    "LookedUpOperator": thing(
        "A mobile operator of the number's country.",
        {
            "id": ref("OperatorId"),
            "name": text(),
            "country": ref("Country"),
            "regions": or_null(many(ref("Region"))),
            "identified": {"type": "boolean", "description": "Whether it is the operator of the number."},
        },
    ),
    "StatementInquiry": thing(
        "An account with a biller.",
        {"product_id": ref("ProductId"), "account_number": ref("AccountNumber")},
        {"account_qualifier": or_null(ref("NonEmptyText")), **_PAGE},
    ),
    "Statement": thing(
        "An open bill.",
        {
            "reference": ref("NonEmptyText"),
            "dates": thing("When it is due and when it was issued.", {}, {"due": day(), "statement": day()}),
            "balance": thing(
                "The amount to pay.", {}, {"unit_type": ref("UnitType"), "unit": text(), "amount": number()}
            ),
        },
    ),
    "CreditPartyLookup": thing(
        "A credit party of a service.", {"service_id": ref("ServiceId"), "credit_party_identifier": ref("Party")}
    ),
    "CreditPartyPagedLookup": thing(
        "A credit party of a service.",
        {"service_id": ref("ServiceId"), "credit_party_identifier": ref("Party")},
        _PAGE,
    ),
    "CreditPartyBenefit": thing(
        "A benefit that a credit party has left.",
        {
            "type": ref("BenefitTypeName"),
            "unit_type": one_of("TIME", "DATA", "QUANTITY", "CURRENCY"),
            "unit": text(),
            "amount": number("What remains; -1 is unlimited."),
            "expiration_date": or_null(moment(), "Null for never, and before it is activated."),
            "country": ref("Country"),
        },
    ),
    "CreditPartyStatus": thing(
        "When a credit party's eSIM was installed and activated; null if not yet, or if it is no eSIM.",
        nulls({"installation_date": moment(), "activation_date": moment()}),
    ),
    "Errors": thing(
        "Why a request was refused.",
        {
            "errors": many(
                thing(
                    "One reason.",
                    {
                        "code": {
                            "type": "integer",
                            "examples": [int(code) for code in ERROR_TABLE],
                            "description": "For programs.",
                        },
                        "message": text("For people."),
                    },
                ),
                minItems=1,
            )
        },
    ),
}
