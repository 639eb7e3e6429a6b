"""Monitoring of runs: notifications, pings, Prometheus metrics and a JSON log.

Nothing here can change what a run does: a failure is a warning, and each task has a time limit.
"""
