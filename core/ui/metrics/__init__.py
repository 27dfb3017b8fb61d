"""The page Metrics: the figures of a run with their intervals and baselines.

Imported by `pages` alone.
"""
