"""List files: formats, encodings, bounds, and their cells as frames of text."""
