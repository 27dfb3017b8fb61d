"""The recipe of a run: its settings, each described once, checked, worded and compared.

May be imported by every room above `core.runs`, and by `queue` and `training`.
"""
