"""List files: formats, encodings and bounds, up to frames of text."""
