"""The page Dataset: its photos, counts, import and versions.

Imported by `pages` alone.
"""
