"""Checks the connection to DVS: credentials, certificate, clock, rate limit and wallets; uses an open client."""

import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from typing import Final

from bulk_topup.app.doctor.findings import CheckStatus, Finding
from bulk_topup.app.provider import unused_credentials
from bulk_topup.domain.environment import ProviderOptions, format_provider
from bulk_topup.domain.money import format_amount, format_money
from bulk_topup.dvs import AsyncDVS, DVSError, NoResponseError
from bulk_topup.dvs.learned_rate import DEFAULT_RATE, LEARNED_CEILING
from bulk_topup.dvs.probe import Probe
from bulk_topup.system.clock import Clock

#: Greatest difference of the two clocks.
CLOCK_TOLERANCE: Final = timedelta(seconds=30)
#: How long before it expires a certificate is a warning.
CERTIFICATE_NOTICE: Final = timedelta(days=14)

_REFUSED: Final = frozenset({401, 403})
_THROTTLED: Final = 429

_Finding = partial(Finding, is_providers=True)
_OWN_CREDENTIALS: Final = _Finding(
    check="credentials",
    status=CheckStatus.OK,
    message="The embedded sandbox has credentials of its own. No others were tested.",
)


def examine_environment(options: ProviderOptions, account: str) -> Finding:
    """Return where the money is, and whether credentials are given that are not used.

    Args:
        options: which provider.
        account: the account of its client, as the ledger names it.
    """
    message = format_provider(options, account)
    unused = unused_credentials(options)
    if not unused:
        return _Finding(check="environment", status=CheckStatus.OK, message=message)
    return _Finding(
        check="environment",
        status=CheckStatus.WARN,
        message=f"{message} The API credentials that are given ({unused}) are not used, and were not tested.",
        fix="Test them with --env preprod or --env production.",
    )


async def examine_provider(dvs: AsyncDVS, clock: Clock, *, is_embedded: bool = False) -> AsyncIterator[Finding]:
    """Check the account and the connection of a client.

    Args:
        dvs: an open client.
        clock: this machine's clock.
        is_embedded: whether the provider is a sandbox in this process, which creates its own credentials.
    """
    started = clock.now()
    try:
        probe = await dvs.probe()
    except NoResponseError as error:
        yield _unreachable(error)
        return
    ended = clock.now()
    yield _connection(dvs, probe)
    yield _OWN_CREDENTIALS if is_embedded else _credentials(probe)
    if probe.date is not None:
        # DVS's time is of a moment between the two, in whole seconds.
        yield _clock_finding(started + (ended - started) / 2 - probe.date)
    yield _rate(probe)
    if probe.status_code < 300:
        try:
            wallets = [wallet async for wallet in dvs.balances.list()]
        except DVSError as error:
            yield _Finding(
                check="balance", status=CheckStatus.BAD, message=str(error), fix="Check again in a few minutes."
            )
            return
        if not wallets:
            yield _Finding(
                check="balance",
                status=CheckStatus.BAD,
                message="The account has no wallet.",
                fix="Contact DT One.",
            )
        for wallet in wallets:
            is_empty = wallet.available <= 0
            yield _Finding(
                check="balance",
                status=CheckStatus.WARN if is_empty else CheckStatus.OK,
                message=f"{format_money(wallet.available, wallet.unit)} available, "
                f"{format_amount(wallet.holding, wallet.unit)} on hold.",
                fix=f"Top up the {wallet.unit} wallet before a run that needs it." if is_empty else "",
            )


def _unreachable(error: NoResponseError) -> Finding:
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error)):
        return _Finding(
            check="connection",
            status=CheckStatus.BAD,
            message=f"DVS's certificate is not trusted. {error}",
            fix="Check this machine's date and the address. Behind a proxy that decrypts connections, set "
            "SSL_CERT_FILE to its certificate. Nothing is sent without a trusted certificate.",
        )
    return _Finding(
        check="connection",
        status=CheckStatus.BAD,
        message=f"{error}.",
        fix="Check the address (--env, --base-url), the network, and HTTPS_PROXY where you need a proxy.",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _connection(dvs: AsyncDVS, probe: Probe) -> Finding:
    encryption = probe.encryption
    if probe.is_encrypted and encryption is None:
        return _Finding(
            check="connection",
            status=CheckStatus.OK,
            message=f"{dvs.account} responds over https with a trusted certificate. A proxy hides when it expires.",
        )
    if encryption is None:
        return _Finding(
            check="connection",
            status=CheckStatus.OK,
            message=f"{dvs.account} responds over plain http, which never leaves this machine.",
        )
    now = probe.date
    left = None if now is None else encryption.expires_at - now
    is_expiring = left is not None and left < CERTIFICATE_NOTICE
    return _Finding(
        check="connection",
        status=CheckStatus.WARN if is_expiring else CheckStatus.OK,
        message=f"{dvs.account} responds over {encryption.version}. Its certificate is trusted, was issued by "
        f"{encryption.issuer}, and expires on {encryption.expires_at:%Y-%m-%d}.",
        fix="Ask DT One when it is renewed. No run works without it." if is_expiring else "",
    )


def _credentials(probe: Probe) -> Finding:
    status = probe.status_code
    if status in _REFUSED:
        return _Finding(
            check="credentials",
            status=CheckStatus.BAD,
            message=f"API credentials refused (HTTP {status}).",
            fix="Check DVS_API_KEY and DVS_API_SECRET, that they belong to this --env (pre-production and production "
            "have different ones), and that this machine's IP address is allowed.",
        )
    if status == _THROTTLED:
        return _Finding(
            check="credentials",
            status=CheckStatus.WARN,
            message="The rate limit is used up, so the credentials could not be checked.",
            fix="Check again when no run is running.",
        )
    if status >= 300:
        return _Finding(
            check="credentials",
            status=CheckStatus.BAD,
            message=f"DVS responds with HTTP {status}.",
            fix="Check again in a few minutes. If nothing changes, check --base-url, or contact DT One.",
        )
    return _Finding(check="credentials", status=CheckStatus.OK, message="API credentials accepted.")


def _clock_finding(ahead: timedelta) -> Finding:
    seconds = round(ahead.total_seconds())
    where = f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} DVS's"
    is_off = abs(ahead) > CLOCK_TOLERANCE
    return _Finding(
        check="clock",
        status=CheckStatus.WARN if is_off else CheckStatus.OK,
        message=f"This machine's clock is {where}." if seconds else "This machine's clock agrees with DVS's.",
        fix="Set the clock, best by NTP: dates in run keys and windows of reports follow it." if is_off else "",
    )


def _rate(probe: Probe) -> Finding:
    if not probe.rate_limit:
        return _Finding(
            check="rate limit",
            status=CheckStatus.OK,
            message=(
                f"DVS states no rate limit. Runs start with {DEFAULT_RATE:.0f} requests per second and rise to "
                f"{LEARNED_CEILING:.0f} while it responds well, unless --rate sets a limit."
            ),
        )
    left = "" if probe.rate_remaining is None else f", {probe.rate_remaining} remaining"
    return _Finding(
        check="rate limit",
        status=CheckStatus.OK,
        message=f"Rate limit: {probe.rate_limit} requests per second{left}.",
    )
