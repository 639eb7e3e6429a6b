"""Create a transport by name; imports only the one that is needed."""

from typing import Final, Literal

from bulk_topup.dvs.transports.base import Account, HTTPTransport
from bulk_topup.errors import ConfigurationError

#: The HTTP clients that can send; `pyreqwest` is installed with `bulk-topup[pyreqwest]`.
TransportName = Literal["aiohttp", "httpx2", "pyreqwest"]
#: The fastest one that works with the certificates, proxies and timeouts of Python's own ssl and asyncio.
DEFAULT_TRANSPORT: Final[TransportName] = "aiohttp"


def transport_for(account: Account, name: TransportName) -> HTTPTransport:
    """Return a transport by its name.

    Raises:
        ConfigurationError: it is not installed, or the base URL or the environment's proxy can't be used.
    """
    match name:
        case "aiohttp":
            from bulk_topup.dvs.transports.aiohttp_transport import AiohttpTransport

            return AiohttpTransport(account)
        case "httpx2":
            from bulk_topup.dvs.transports.httpx2_transport import Httpx2Transport

            return Httpx2Transport(account)
        case "pyreqwest":
            try:
                from bulk_topup.dvs.transports.pyreqwest_transport import PyreqwestTransport
            except ModuleNotFoundError:
                raise ConfigurationError(
                    "The transport pyreqwest is not installed. Install bulk-topup[pyreqwest]."
                ) from None

            return PyreqwestTransport(account)
