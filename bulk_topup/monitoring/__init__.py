"""What becomes of a run, told elsewhere than on the terminal: notifications, pings, metrics and a log of JSON lines.

Nothing here can change what a run does: what cannot be told is a warning, and none of it takes longer than its bound.
"""
