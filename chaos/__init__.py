"""Fault testing: real runs against a real sandbox, both broken on purpose, and a check of who was paid."""
