"""The line that a command begins with: where the money is, and that credentials are not used; loads credentials."""

from bulk_topup.app.provider import unused_credentials
from bulk_topup.domain.environment import Environment, ProviderOptions, format_account


def account_line(options: ProviderOptions, account: str) -> str:
    """Return the first line of a command's output.

    Args:
        options: the provider that the command uses.
        account: its account, as the ledger names it.
    """
    text = format_account(options.environment, account)
    if options.environment is Environment.SANDBOX:
        text += " SANDBOX: no money moves." if options.is_embedded else " SANDBOX: only a simulator may be there."
    if unused := unused_credentials(options):
        text += f" The API credentials that are given ({unused}) are not used."
    return text
