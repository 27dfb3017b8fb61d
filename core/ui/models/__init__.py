"""The page Models: versions, champion and challenger, and their export.

Imported by `pages` alone.
"""
