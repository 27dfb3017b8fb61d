"""The page Quality: copies, leaks, outliers and label suspects of a dataset.

Imported by `pages` alone.
"""
