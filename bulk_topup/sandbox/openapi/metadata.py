"""Schemas of a transaction's metadata: so far those of eSIMs; plain data."""

from bulk_topup.sandbox.openapi.vocabulary import Schema, nulls, one_of, or_null, ref, text, thing

_SIZE = thing(
    "A size; -1 is unlimited.",
    {"amount": {"type": "integer", "format": "int64"}, "unit": one_of("TB", "GB", "MB", "KB", "B")},
)
_LINK = text(format="uri")

METADATA: dict[str, Schema] = {
    "EsimDataPolicy": thing(
        "What happens when the fast volume is used up; a STANDARD one has nothing but its type.",
        {"type": one_of("STANDARD", "UNLIMITED")},
        nulls(
            {
                "reset_type": one_of("TIME_INTERVAL", "FIXED_TIME", "NONE"),
                "interval": text("With TIME_INTERVAL, for example 24h, from the activation on."),
                "fixed_time": text("With FIXED_TIME, in UTC.", pattern=r"^[0-9]{2}:[0-9]{2}$"),
                "throttle_speed": text("For example 128 KB/s."),
                "total_high_speed_volume": _SIZE,
            }
        ),
    ),
    "EsimBalance": thing(
        "The data of an eSIM.",
        {
            "size": _SIZE,
            "validity": thing(
                "How long it is valid.",
                {
                    "quantity": {"type": "integer"},
                    "unit": one_of("YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"),
                },
            ),
            "country_set": text("Where it can be used, for example WWW."),
            "extended_data_policy": ref("EsimDataPolicy"),
        },
    ),
    "EsimProfile": thing(
        "A new eSIM. Its activation code or any of its links installs it: as secret as a PIN.",
        {
            "iccid": text(),
            "activation_code": text("The content of the QR code."),
            "apple_universal_link": _LINK,
            "android_universal_link": _LINK,
            "installation_url": _LINK,
        },
    ),
    "TransactionMetadata": thing(
        "What the other fields of a transaction can't hold. There may be more types.",
        {
            "type": one_of("ESIM"),
            "activation_type": one_of("DATA_PLAN", "TOP_UP", description="A new eSIM, or more data on an earlier one."),
            "balance": ref("EsimBalance"),
        },
        {"profile": or_null(ref("EsimProfile"), "With DATA_PLAN only.")},
    ),
}
