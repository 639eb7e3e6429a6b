"""Approvals: two people for one payment."""
