"""A simulator of the DVS API over real HTTP, for the demo, first trials and tests."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.sandbox.config import SandboxConfig
    from bulk_topup.sandbox.provider.books import remove_unused
    from bulk_topup.sandbox.server import EmbeddedSandbox
else:
    __getattr__ = lazy_exports(
        __name__,
        config=("SandboxConfig",),
        server=("EmbeddedSandbox",),
        **{"provider.books": ("remove_unused",)},
    )

__all__ = ["EmbeddedSandbox", "SandboxConfig", "remove_unused"]
