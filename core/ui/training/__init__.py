"""The page Training: start a run and watch it.

Imported by `pages` alone.
"""
