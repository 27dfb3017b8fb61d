"""The queue: the next run, its scheduler and workers, and requests such as stop and pause.

May be imported by every room above `core.runs`, and by `training`.
"""
