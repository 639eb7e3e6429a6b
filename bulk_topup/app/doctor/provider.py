"""Checks the way to the provider: key pair, connection, clock, rate limit and wallets; asks through an open client."""

import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from typing import Final

from bulk_topup.app.doctor.findings import CheckStatus, Finding
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import AsyncDVS, DVSError, NoResponseError
from bulk_topup.dvs.probe import Probe
from bulk_topup.system.clock import Clock

#: How far the two clocks may be apart.
CLOCK_TOLERANCE: Final = timedelta(seconds=30)
#: How long before its end a certificate is worth a word.
CERTIFICATE_NOTICE: Final = timedelta(days=14)

_REFUSED: Final = frozenset({401, 403})
_THROTTLED: Final = 429

_Finding = partial(Finding, is_providers=True)


async def examine_provider(dvs: AsyncDVS, clock: Clock) -> AsyncIterator[Finding]:
    """Check the provider that a client is for.

    Args:
        dvs: an open client.
        clock: this machine's.
    """
    begun = clock.now()
    try:
        probe = await dvs.probe()
    except NoResponseError as error:
        yield _unreachable(error)
        return
    ended = clock.now()
    yield _connection(dvs, probe)
    yield _credentials(probe)
    if probe.date is not None:
        # The provider's time is that of some moment between the two, cut to whole seconds.
        yield _clock_finding(begun + (ended - begun) / 2 - probe.date)
    yield _rate(probe)
    if probe.status_code < 300:
        try:
            wallets = [wallet async for wallet in dvs.balances.list()]
        except DVSError as error:
            yield _Finding(
                check="balance", verdict=CheckStatus.BAD, message=str(error), cure="Start again a little later."
            )
            return
        if not wallets:
            yield _Finding(
                check="balance",
                verdict=CheckStatus.BAD,
                message="The account has no wallet.",
                cure="Ask the provider to open one.",
            )
        for wallet in wallets:
            is_empty = wallet.available <= 0
            yield _Finding(
                check="balance",
                verdict=CheckStatus.WARN if is_empty else CheckStatus.OK,
                message=f"{format_plain(wallet.available)} {wallet.unit} available, "
                f"{format_plain(wallet.holding)} held.",
                cure=f"Top up the wallet in {wallet.unit} before a run that is paid from it." if is_empty else "",
            )


def _unreachable(error: NoResponseError) -> Finding:
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error)):
        return _Finding(
            check="connection",
            verdict=CheckStatus.BAD,
            message=f"The provider's certificate is not trusted. {error}",
            cure="Check this machine's date and the address. Behind a proxy that opens connections, name its "
            "certificate in SSL_CERT_FILE. Nothing is ever sent without a trusted certificate.",
        )
    return _Finding(
        check="connection",
        verdict=CheckStatus.BAD,
        message=f"{error}.",
        cure="Check the address (--env, --base-url), the network, and HTTPS_PROXY where you need a proxy.",
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
            verdict=CheckStatus.OK,
            message=f"{dvs.account} answers over https; its certificate is trusted, and a proxy hides when it ends.",
        )
    if encryption is None:
        return _Finding(
            check="connection",
            verdict=CheckStatus.OK,
            message=f"{dvs.account} answers over plain http, which never leaves this machine.",
        )
    now = probe.date
    left = None if now is None else encryption.expires_at - now
    is_ending = left is not None and left < CERTIFICATE_NOTICE
    return _Finding(
        check="connection",
        verdict=CheckStatus.WARN if is_ending else CheckStatus.OK,
        message=f"{dvs.account} answers over {encryption.version}; its certificate is trusted, is vouched for by "
        f"{encryption.issuer}, and ends on {encryption.expires_at:%Y-%m-%d}.",
        cure="Ask the provider when it is renewed: no run goes on without it." if is_ending else "",
    )


def _credentials(probe: Probe) -> Finding:
    status = probe.status_code
    if status in _REFUSED:
        return _Finding(
            check="credentials",
            verdict=CheckStatus.BAD,
            message=f"The provider refuses the key pair (HTTP {status}).",
            cure="Check DVS_API_KEY and DVS_API_SECRET, that they belong to this --env (pre-production and production "
            "have pairs of their own), and that this machine's address is allowed.",
        )
    if status == _THROTTLED:
        return _Finding(
            check="credentials",
            verdict=CheckStatus.WARN,
            message="The rate limit is used up, so that nothing can be said.",
            cure="Start again when no run is on.",
        )
    if status >= 300:
        return _Finding(
            check="credentials",
            verdict=CheckStatus.BAD,
            message=f"The provider answers HTTP {status}.",
            cure="Start again a little later; if it stays so, check --base-url, or ask the provider.",
        )
    return _Finding(check="credentials", verdict=CheckStatus.OK, message="The provider takes the key pair.")


def _clock_finding(ahead: timedelta) -> Finding:
    seconds = round(ahead.total_seconds())
    where = f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} the provider's"
    is_off = abs(ahead) > CLOCK_TOLERANCE
    return _Finding(
        check="clock",
        verdict=CheckStatus.WARN if is_off else CheckStatus.OK,
        message=f"This machine's clock is {where}." if seconds else "This machine's clock is the provider's.",
        cure="Set the clock, best by NTP: run keys with dates and windows of reports follow it." if is_off else "",
    )


def _rate(probe: Probe) -> Finding:
    if not probe.rate_limit:
        return _Finding(
            check="rate limit",
            verdict=CheckStatus.OK,
            message="The provider states no rate limit; runs send 10 requests a second unless --rate says otherwise.",
        )
    left = "" if probe.rate_remaining is None else f"; {probe.rate_remaining} of them were left"
    return _Finding(
        check="rate limit", verdict=CheckStatus.OK, message=f"{probe.rate_limit} requests a second are allowed{left}."
    )
