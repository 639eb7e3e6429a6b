"""People's own workbooks: templates for lists to fill in, and outcomes added to a list; no HTTP, no SQL.

Reads the workbook, and writes one file.
"""
