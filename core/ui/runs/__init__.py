"""The page Runs: the table of runs, and comparisons.

Imported by `pages` alone.
"""
