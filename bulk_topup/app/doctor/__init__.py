"""Checks an installation and suggests fixes; inspects DVS, the ledger and this machine, and changes nothing."""

from bulk_topup.app.doctor.findings import CheckStatus, Finding
from bulk_topup.app.doctor.ledger import examine_ledger
from bulk_topup.app.doctor.machine import examine_folder, examine_machine
from bulk_topup.app.doctor.other_ledgers import examine_other_ledgers, places_of_machine
from bulk_topup.app.doctor.probe import ProbeReport, check_may_probe, probe_provider
from bulk_topup.app.doctor.provider import examine_environment, examine_provider

__all__ = [
    "CheckStatus",
    "Finding",
    "ProbeReport",
    "check_may_probe",
    "examine_environment",
    "examine_folder",
    "examine_ledger",
    "examine_machine",
    "examine_other_ledgers",
    "examine_provider",
    "places_of_machine",
    "probe_provider",
]
