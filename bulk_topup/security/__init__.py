"""Keep secrets out of logs, and make hostile text safe: redaction, formulas, terminal text."""
