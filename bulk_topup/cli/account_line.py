"""The line that a command begins with: where the money is, and that credentials are not used; loads credentials."""

from bulk_topup.app.provider import unused_credentials
from bulk_topup.domain.environment import ProviderOptions, format_provider


def account_line(options: ProviderOptions, account: str) -> str:
    """Return the first line of a command's output.

    Args:
        options: the provider that the command uses.
        account: its account, as the ledger names it.
    """
    text = format_provider(options, account)
    if unused := unused_credentials(options):
        text += f" The API credentials that are given ({unused}) are not used."
    return text
