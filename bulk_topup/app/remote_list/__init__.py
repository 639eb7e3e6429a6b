"""Fetches lists from standard input and addresses into private files, and keeps them until their run has ended."""
