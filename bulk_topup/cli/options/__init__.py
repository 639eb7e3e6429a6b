"""Options that several commands share, one group a file."""
