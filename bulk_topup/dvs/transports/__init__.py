"""The HTTP clients that can send, one a file."""
