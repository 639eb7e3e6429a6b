"""The operations with which an account finds what it can buy: paths, parameters and responses; plain data."""

from typing import Any

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.openapi.parts import listing, operation
from bulk_topup.sandbox.openapi.vocabulary import ref

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
            headers=("Content-Language", "Vary"),
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
            headers=("Content-Language", "Vary"),
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
                "sort",
                "accept_language",
            ),
            codes=(ErrorCode.PRODUCT_NOT_AVAILABLE,),
            headers=("Content-Language", "Vary"),
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
            headers=("Content-Language", "Vary"),
        )
    },
}
