"""Provide clock, files, sockets and event loop helpers; knows nothing of payments."""
