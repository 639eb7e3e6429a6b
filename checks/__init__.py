"""Checks of the repository's own rules, run by `make check`; they read files and touch nothing."""
