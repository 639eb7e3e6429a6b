"""List, ledger, DVS and wallet compared, discrepancies resolved, and lost runs rebuilt; sends no payment."""
