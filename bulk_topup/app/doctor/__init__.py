"""Checks an installation before a run does, and says what to do; asks the provider and looks at this machine.

Changes nothing, and sends nothing that costs.
"""

from bulk_topup.app.doctor.findings import CheckStatus, Finding
from bulk_topup.app.doctor.ledger import examine_ledger
from bulk_topup.app.doctor.machine import examine_folder, examine_machine
from bulk_topup.app.doctor.provider import examine_provider

__all__ = ["CheckStatus", "Finding", "examine_folder", "examine_ledger", "examine_machine", "examine_provider"]
