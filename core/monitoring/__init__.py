"""Models in use: the log of answers, drift, alarms, feedback and retraining.

May be imported by `core.ui`, `core.cli` and `core.serving`.
"""
