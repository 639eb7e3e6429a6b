"""Define the endpoints of balances and look-ups."""

from urllib.parse import quote

from pydantic import TypeAdapter

from bulk_topup.dvs.models.account import Balance, CreditPartyBenefit, CreditPartyStatus, Statement
from bulk_topup.dvs.models.catalogue import LookupOperator
from bulk_topup.dvs.models.transaction import Party
from bulk_topup.dvs.pagination import Pages
from bulk_topup.dvs.resources.caller import Caller, json_body, query_params
from bulk_topup.dvs.statuses import ErrorCode

_BALANCE = TypeAdapter(Balance)
_LOOKUP_OPERATOR = TypeAdapter(LookupOperator)
_STATEMENT = TypeAdapter(Statement)
_CREDIT_PARTY_BENEFIT = TypeAdapter(CreditPartyBenefit)
_CREDIT_PARTY_STATUS = TypeAdapter(CreditPartyStatus)


class Balances:
    """The account's wallets (reference: Balances)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, unit_type: str | None = None, unit: str | None = None) -> Pages[Balance]:
        """List balances, all or of one unit (ISO 4217)."""
        params = query_params(unit_type=unit_type, unit=unit)
        return self._caller.pages("/balances", _BALANCE, params=params, empty_code=ErrorCode.BALANCE_NOT_FOUND)


class Lookup:
    """Look-ups of credit parties (reference: Look up)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def mobile_number(self, mobile_number: str, *, post: bool = False) -> Pages[LookupOperator]:
        """List the operators of a number's country; `identified` marks the number's own.

        Args:
            mobile_number: E.164, with +.
            post: whether to send the number in the body, so that no URL and no access log has it.
        """
        path = "/lookup/mobile-number"
        if post:
            body: dict[str, object] = {"mobile_number": mobile_number}
            return self._caller.pages(path, _LOOKUP_OPERATOR, body=body, empty_code=ErrorCode.OPERATOR_NOT_FOUND)
        path = f"{path}/{quote(mobile_number, safe='+')}"
        return self._caller.pages(path, _LOOKUP_OPERATOR, empty_code=ErrorCode.OPERATOR_NOT_FOUND)

    def statement_inquiry(
        self, product_id: int, account_number: str, *, account_qualifier: str | None = None
    ) -> Pages[Statement]:
        """List the open statements (bills) of an account with a payment product.

        Raises:
            BadRequestError: the operator does not support this (1007500).
        """
        body = json_body(product_id=product_id, account_number=account_number, account_qualifier=account_qualifier)
        return self._caller.pages("/lookup/statement-inquiry", _STATEMENT, body=body, empty_code=None)

    def credit_party_benefits(self, service_id: int, credit_party: Party) -> Pages[CreditPartyBenefit]:
        """List the benefits that a credit party has at present.

        Raises:
            BadRequestError: the operator does not support this (1007500).
        """
        return self._caller.pages(
            "/lookup/credit-party-benefits",
            _CREDIT_PARTY_BENEFIT,
            body=json_body(service_id=service_id, credit_party_identifier=credit_party.model_dump(exclude_none=True)),
            empty_code=None,
        )

    async def credit_party_status(self, service_id: int, credit_party: Party) -> CreditPartyStatus:
        """Fetch when a credit party's eSIM was installed and activated.

        Raises:
            BadRequestError: the operator does not support this (1007500).
        """
        return await self._caller.request(
            "POST",
            "/lookup/credit-party-status",
            _CREDIT_PARTY_STATUS,
            body=json_body(service_id=service_id, credit_party_identifier=credit_party.model_dump(exclude_none=True)),
        )
