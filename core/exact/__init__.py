"""The exact head (ridge regression): what if, why, learning curve.

A job computes it once, pages read it. May be imported by `core.registry` and the rooms above; its
pure modules `head`, `curves` and `formula` also by `core.runs` and the rooms above it.
"""
