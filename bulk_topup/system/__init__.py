"""Clock, files, sockets, event loop: the ground under everything; knows nothing of payments."""
