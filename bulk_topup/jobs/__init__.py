"""Job files: model, loading, diagnostics, schedule."""
