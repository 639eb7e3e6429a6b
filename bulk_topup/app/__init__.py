"""The use cases, one a file, named as their commands; nothing here prints or parses arguments."""
