"""The page Slices: groups of photos on which a run is worse.

Imported by `pages` alone.
"""
