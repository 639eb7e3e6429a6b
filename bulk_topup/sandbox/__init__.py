"""A simulator of the DVS API over real HTTP: what the tests, the demo and first trials pay with."""

from bulk_topup.sandbox.config import SandboxConfig
from bulk_topup.sandbox.server import EmbeddedSandbox

__all__ = ["EmbeddedSandbox", "SandboxConfig"]
