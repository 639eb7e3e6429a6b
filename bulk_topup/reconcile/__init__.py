"""List, ledger, provider and wallet compared, and discrepancies resolved."""
