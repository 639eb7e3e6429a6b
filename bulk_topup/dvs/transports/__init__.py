"""Hold the transports, one HTTP client per file."""
