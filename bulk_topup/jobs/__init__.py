"""Job files: models, loading, diagnostics, schedule, and the settings that a run keeps; no HTTP, no SQL."""
