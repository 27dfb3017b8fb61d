"""The page Mistakes: ranked lists of wrong and doubtful photos, reviewed one by one.

Imported by `pages` alone.
"""
