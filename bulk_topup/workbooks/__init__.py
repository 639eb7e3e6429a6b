"""People's own workbooks: templates of lists out, outcomes beside the rows of a workbook in.

Knows nothing of HTTP or SQL; touches the workbook and the one file that it writes.
"""
