"""The exact head of a dataset: what if, why, learning curve, teaching on the spot.

A job computes it once, pages read it. May be imported by `core.registry` and the rooms above.
"""
