"""What keeps secrets and hostile text in check: redaction, formulas, terminal text."""
